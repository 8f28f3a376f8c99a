//! Calls being served: a SERVER span each.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{Request, Response};
use http_body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::{BoxError, Layer, Service};

use super::body::TracedBody;
use super::call::Call;
use super::method::Method;
use super::names;
use super::service::TraceFuture;
use crate::SpanExt;
use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::layer::TelemetryLayer;
use crate::propagation::{self, TraceContext};

/// A tower layer that traces and measures the calls that a server answers. See [`crate::grpc`].
///
/// Place it outermost, so that it covers what the other layers do.
#[derive(Debug, Clone, Default)]
pub struct TraceLayer {
    skip: Arc<[String]>,
    public: bool,
}

impl TraceLayer {
    /// Traces every call and continues the caller's trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves calls of these methods (`package.Service/Method`, or `package.Service/*` for all
    /// methods of a service) untraced and unmeasured.
    #[must_use]
    pub fn skip_methods<S: Into<String>>(mut self, methods: impl IntoIterator<Item = S>) -> Self {
        self.skip = self.skip.iter().cloned().chain(methods.into_iter().map(Into::into)).collect();
        self
    }

    /// Declares that callers are not trusted: each call starts a new trace that is linked to the
    /// caller's instead of continuing it.
    #[must_use]
    pub fn public_endpoint(mut self, public: bool) -> Self {
        self.public = public;
        self
    }

    fn begin(&self, core: Arc<Core>, head: &Parts) -> Call {
        let caller = propagation::extract_headers(&head.headers);
        let parent = if self.public { TraceContext::default() } else { caller.clone() };
        let span = parent.in_scope(|| tracing::info_span!(target: "throughline_toolkit::grpc", "gRPC call"));
        if self.public && caller.is_valid() {
            span.add_link(&caller);
        }
        Call::begin(core, span, head, None, |fields, limits| describe(fields, limits, head))
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = TraceService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TraceService { inner, options: self.clone() }
    }
}

/// The service made by [`TraceLayer`].
#[derive(Debug, Clone)]
pub struct TraceService<S> {
    inner: S,
    options: TraceLayer,
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
        let (head, body) = request.into_parts();
        let skipped = !self.options.skip.is_empty() && Method::of(&head.uri).is_among(&self.options.skip);
        let core = if skipped { None } else { TelemetryLayer::current() };
        let call = core.map(|core| self.options.begin(core, &head));
        TraceFuture::new(call, || self.inner.call(Request::from_parts(head, body)))
    }
}

fn describe(fields: &mut Fields, limits: FieldLimits, head: &Parts) {
    let named = || Authority::try_from(head.headers.get(HOST)?.as_bytes()).ok();
    if let Some(authority) = head.uri.authority().cloned().or_else(named) {
        fields.set_str(names::SERVER_ADDRESS, authority.host(), limits);
        if let Some(port) = authority.port_u16() {
            fields.set(Key::Static(names::SERVER_PORT), Stored::Int(i64::from(port)), limits);
        }
    }
    if let Some(peer) = head.extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr) {
        let address = fields.store_args(format_args!("{}", peer.ip()), limits);
        fields.set(Key::Static(names::PEER_ADDRESS), address, limits);
        fields.set(Key::Static(names::PEER_PORT), Stored::Int(i64::from(peer.port())), limits);
    }
}
