//! Calls to other services: a CLIENT span each, with the context in the metadata.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower::{BoxError, Layer, Service};

use super::body::TracedBody;
use super::call::Call;
use super::names;
use super::service::TraceFuture;
use super::target::Target;
use crate::SpanExt;
use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::layer::TelemetryLayer;
use crate::propagation;

/// A tower layer that traces and measures the calls of a client. See [`crate::grpc`].
#[derive(Debug, Clone)]
pub struct TraceLayer {
    target: Arc<Target>,
}

impl TraceLayer {
    /// Traces calls to this server, which is what the channel is made from: `http://ledger:50051`,
    /// `ledger:50051`, `dns:///ledger:50051` or `unix:///run/ledger.sock`. It becomes
    /// `server.address` and `server.port`; a text of another form is an address as a whole.
    #[must_use]
    pub fn new(target: &str) -> Self {
        Self { target: Arc::new(Target::parse(target)) }
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = TraceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TraceService { inner, target: Arc::clone(&self.target) }
    }
}

/// The service made by [`TraceLayer`], from which clients are made.
#[derive(Debug, Clone)]
pub struct TraceService<S> {
    inner: S,
    target: Arc<Target>,
}

impl<S> TraceService<S> {
    fn begin(&self, core: Arc<Core>, head: &mut Parts) -> Call {
        let span = tracing::info_span!(target: "throughline_toolkit::grpc", "gRPC call");
        propagation::inject_headers(&span.context(), &mut head.headers);
        let target = Arc::clone(&self.target);
        Call::begin(core, span, head, Some(target), |fields, limits| {
            fields.set_str(names::SERVER_ADDRESS, &self.target.address, limits);
            if let Some(port) = self.target.port {
                fields.set(Key::Static(names::SERVER_PORT), Stored::Int(i64::from(port)), limits);
            }
        })
    }
}

impl<S, B, R> Service<Request<B>> for TraceService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body,
{
    type Response = Response<TracedBody<R>>;
    type Error = BoxError;
    type Future = TraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let call = TelemetryLayer::current().map(|core| self.begin(core, &mut head));
        TraceFuture::new(call, || self.inner.call(Request::from_parts(head, body)))
    }
}
