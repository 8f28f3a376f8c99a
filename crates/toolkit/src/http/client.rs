//! Outgoing requests: a CLIENT span each, context injected, duration measured.
//!
//! ```no_run
//! use throughline_toolkit::http::client::{SendTraced, TracedClient};
//! # async fn f() -> Result<(), reqwest::Error> {
//! let client = TracedClient::new(reqwest::Client::new());
//! let users = client.get("http://users/api/v1/users").send().await?;
//! // or, on any reqwest builder:
//! let users = reqwest::Client::new().get("http://users/").send_traced().await?;
//! # Ok(()) }
//! ```

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::metrics::Sent;
use super::semconv;
use crate::core::Core;
use crate::fields::{Fields, Key, Stored};
use crate::layer::span_data::EventData;
use crate::layer::{self, TelemetryLayer};
use crate::{SpanExt, SpanKind, SpanStatus, clock, propagation, record_error};
use reqwest::{Client, IntoUrl, Method, Request, RequestBuilder, Response};

/// A [`reqwest::Client`] whose requests are traced.
#[derive(Debug, Clone, Default)]
pub struct TracedClient {
    inner: Client,
}

impl TracedClient {
    /// Traces the requests of `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { inner: client }
    }

    /// The client underneath.
    #[must_use]
    pub fn inner(&self) -> &Client {
        &self.inner
    }

    /// Starts a GET request.
    pub fn get(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::GET, url)
    }

    /// Starts a POST request.
    pub fn post(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::POST, url)
    }

    /// Starts a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> TracedRequest {
        self.request(Method::DELETE, url)
    }

    /// Starts a request.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> TracedRequest {
        TracedRequest { builder: self.inner.request(method, url) }
    }

    /// Sends a ready request.
    ///
    /// # Errors
    /// As [`reqwest::Client::execute`].
    pub async fn execute(&self, request: Request) -> Result<Response, reqwest::Error> {
        exchange(&self.inner, request).await
    }
}

/// A request being built by a [`TracedClient`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct TracedRequest {
    builder: RequestBuilder,
}

impl TracedRequest {
    /// Applies any method of [`reqwest::RequestBuilder`].
    pub fn with(self, f: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { builder: f(self.builder) }
    }

    /// Adds a header.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|b| b.header(name.as_ref(), value.as_ref()))
    }

    /// Adds headers.
    pub fn headers(self, headers: http::HeaderMap) -> Self {
        self.with(|b| b.headers(headers))
    }

    /// Adds an `Authorization: Bearer` header.
    pub fn bearer_auth(self, token: impl std::fmt::Display) -> Self {
        self.with(|b| b.bearer_auth(token))
    }

    /// Sets the body to a value as JSON.
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        self.with(|b| b.json(value))
    }

    /// Adds query parameters.
    pub fn query<T: serde::Serialize + ?Sized>(self, query: &T) -> Self {
        self.with(|b| b.query(query))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.with(|b| b.body(body))
    }

    /// Limits the whole request.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(|b| b.timeout(limit))
    }

    /// Sends the request inside a CLIENT span.
    ///
    /// # Errors
    /// As [`reqwest::RequestBuilder::send`].
    pub async fn send(self) -> Result<Response, reqwest::Error> {
        self.builder.send_traced().await
    }
}

/// Sends any reqwest request inside a CLIENT span.
pub trait SendTraced {
    /// Sends the request inside a CLIENT span, with the context in its headers.
    fn send_traced(self) -> impl Future<Output = Result<Response, reqwest::Error>> + Send;
}

impl SendTraced for RequestBuilder {
    async fn send_traced(self) -> Result<Response, reqwest::Error> {
        let (client, request) = self.build_split();
        exchange(&client, request?).await
    }
}

async fn exchange(client: &Client, mut request: Request) -> Result<Response, reqwest::Error> {
    let Some(core) = TelemetryLayer::current() else { return client.execute(request).await };
    let span = tracing::info_span!("HTTP send");
    let mut call = Call::begin(core, span.clone(), &request);
    propagation::inject_headers(&span.context(), request.headers_mut());
    let outcome = client.execute(request).instrument(span).await;
    call.end(&outcome);
    outcome
}

/// A request on its way. Dropped before its end, it was cancelled by the caller.
struct Call {
    core: Arc<Core>,
    span: Span,
    method: &'static str,
    host: String,
    port: Option<u16>,
    scheme: String,
    started: u64,
    ended: bool,
}

impl Call {
    fn begin(core: Arc<Core>, span: Span, request: &Request) -> Self {
        let url = request.url();
        let method = semconv::method(request.method());
        layer::with_data(&span, |data, core| {
            let limits = core.settings.span_limits.fields;
            data.kind = SpanKind::Client;
            data.name = Cow::Borrowed(semconv::name_of(method));
            let fields = &mut data.fields;
            fields.set(Key::Static("http.request.method"), Stored::Static(method), limits);
            if method == "_OTHER" {
                fields.set_str("http.request.method_original", request.method().as_str(), limits);
            }
            fields.set_str("url.full", &full_url(url), limits);
            fields.set_str("server.address", url.host_str().unwrap_or(""), limits);
            if let Some(port) = url.port_or_known_default() {
                fields.set(Key::Static("server.port"), Stored::Int(i64::from(port)), limits);
            }
        });
        Self {
            core,
            span,
            method,
            host: url.host_str().unwrap_or("").to_owned(),
            port: url.port_or_known_default(),
            scheme: url.scheme().to_owned(),
            started: clock::monotonic_ns(),
            ended: false,
        }
    }

    fn end(&mut self, outcome: &Result<Response, reqwest::Error>) {
        self.ended = true;
        let status = match outcome {
            Ok(response) => Some(response.status()),
            Err(error) => error.status(),
        };
        let error: Option<Cow<'static, str>> = match outcome {
            Ok(response) if response.status().as_u16() < 400 => None,
            Ok(response) => Some(semconv::status_text(response.status().as_u16())),
            Err(error) => Some(Cow::Borrowed(error_type(error))),
        };
        let version = outcome.as_ref().ok().map(|r| semconv::protocol_version(r.version()));
        let peer = outcome.as_ref().ok().and_then(Response::remote_addr);
        if let Err(fault) = outcome {
            record_error(&self.span, fault, error.as_deref().unwrap_or("_OTHER"));
        }
        layer::with_data(&self.span, |data, core| {
            let limits = core.settings.span_limits.fields;
            if let Some(status) = status {
                let status = Stored::Int(i64::from(status.as_u16()));
                data.fields.set(Key::Static("http.response.status_code"), status, limits);
            }
            if let Some(version) = version {
                let version = Stored::Static(version);
                data.fields.set(Key::Static("network.protocol.version"), version, limits);
            }
            if let Some(peer) = peer {
                let address = data.fields.store_args(format_args!("{}", peer.ip()), limits);
                data.fields.set(Key::Static("network.peer.address"), address, limits);
                let port = Stored::Int(i64::from(peer.port()));
                data.fields.set(Key::Static("network.peer.port"), port, limits);
            }
            if let Some(error) = &error {
                data.fields.set_str("error.type", error, limits);
                data.set_status(SpanStatus::Error(String::new()));
            }
        });
        self.measure(status.map(|s| s.as_u16()), version, error.as_deref());
    }

    fn measure(&self, status: Option<u16>, version: Option<&'static str>, error: Option<&str>) {
        let elapsed = clock::monotonic_ns().saturating_sub(self.started);
        let series = Sent {
            method: self.method,
            host: &self.host,
            port: self.port,
            scheme: &self.scheme,
            version,
            status,
            error,
        };
        let _current = self.span.enter();
        self.core.http.sent(&series, Duration::from_nanos(elapsed));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        layer::with_data(&self.span, |data, core| {
            let (time_ns, name) = (clock::now_ns(), "request.cancelled".into());
            let event = EventData { time_ns, name, fields: Fields::default() };
            data.add_event(event, &core.settings.span_limits);
        });
    }
}

/// `url.full` without credentials and signatures.
fn full_url(url: &reqwest::Url) -> String {
    let mut shown = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Only addresses that cannot have credentials refuse, and this one has them.
        let _had_none = shown.set_username("REDACTED").is_err();
        let _had_none = shown.set_password(Some("REDACTED")).is_err();
    }
    if let Some(query) = url.query() {
        shown.set_query(Some(&semconv::redacted_query(query)));
    }
    shown.into()
}

fn error_type(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_redirect() {
        "redirect"
    } else if error.is_body() {
        "body"
    } else if error.is_decode() {
        "decode"
    } else {
        "request"
    }
}
