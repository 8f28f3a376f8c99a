//! The service that [`super::TraceLayer`] wraps around a handler.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::Service;

use super::TraceLayer;
use super::body::TracedBody;
use super::exchange::Exchange;
use crate::layer::TelemetryLayer;

/// The service made by [`TraceLayer`].
#[derive(Debug, Clone)]
pub struct TraceService<S> {
    inner: S,
    options: TraceLayer,
}

impl<S> TraceService<S> {
    pub(super) fn new(inner: S, options: TraceLayer) -> Self {
        Self { inner, options }
    }
}

impl<S, B, R> Service<Request<B>> for TraceService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: http_body::Body,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = TraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let core = TelemetryLayer::current().filter(|_| self.options.traces(&head));
        let exchange = core.map(|core| Exchange::begin(core, &head, self.options.public));
        let request = Request::from_parts(head, body);
        let inner = {
            let _entered = exchange.as_ref().map(|e| e.span().enter());
            self.inner.call(request)
        };
        TraceFuture { inner, exchange }
    }
}

pin_project! {
    /// The answer of a [`TraceService`] in the making.
    #[derive(Debug)]
    pub struct TraceFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
    }
}

impl<F, R, E> Future for TraceFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = {
            let _entered = this.exchange.as_ref().map(|e| e.span().enter());
            ready!(this.inner.poll(cx))
        };
        let mut exchange = this.exchange.take();
        Poll::Ready(match outcome {
            Ok(response) => {
                if let Some(exchange) = &mut exchange {
                    exchange.answered(response.status());
                }
                Ok(response.map(|body| TracedBody::new(body, exchange)))
            }
            Err(error) => {
                if let Some(exchange) = &mut exchange {
                    exchange.failed(std::any::type_name::<E>());
                }
                Err(error)
            }
        })
    }
}
