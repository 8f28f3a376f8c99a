//! The service that [`super::TraceLayer`] wraps around a handler.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;

use super::TraceLayer;

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
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let _ = &self.options;
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.inner.call(request)
    }
}
