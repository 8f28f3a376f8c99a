//! An answer in the making, on either side.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tower::BoxError;

use super::body::TracedBody;
use super::call::Call;

pin_project! {
    /// The answer to a traced call in the making.
    #[derive(Debug)]
    pub struct TraceFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F> TraceFuture<F> {
    /// Waits for what `start` makes inside the call's span.
    pub(super) fn new(call: Option<Call>, start: impl FnOnce() -> F) -> Self {
        let inner = {
            let _entered = call.as_ref().map(|call| call.span().enter());
            start()
        };
        Self { inner, call }
    }
}

impl<F, R, E> Future for TraceFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: Into<BoxError>,
{
    type Output = Result<Response<TracedBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = {
            let _entered = this.call.as_ref().map(|call| call.span().enter());
            ready!(this.inner.poll(cx))
        };
        let mut call = this.call.take();
        Poll::Ready(match outcome {
            Ok(response) => {
                if let Some(call) = &mut call {
                    call.answered(response.status(), response.headers());
                }
                Ok(response.map(|body| TracedBody::new(body, call)))
            }
            Err(error) => Err(match &mut call {
                Some(call) => call.failed(error.into()),
                None => error.into(),
            }),
        })
    }
}
