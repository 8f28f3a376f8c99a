//! One request and its answer: the span and the measurements.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath};
use http::header::{HOST, HeaderMap, HeaderName, USER_AGENT};
use http::request::Parts;
use http::{StatusCode, Uri, Version};
use tracing::Span;

use super::forwarded::Original;
use crate::clock;
use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key, Stored, ValueRef};
use crate::http::metrics::Served;
use crate::http::semconv;
use crate::layer;
use crate::layer::span_data::{EventData, SpanData};
use crate::propagation::{self, TraceContext};
use crate::{SpanExt, SpanKind, SpanStatus};

/// A request being served. Dropping it ends the span and takes the measurements.
#[derive(Debug)]
pub(super) struct Exchange {
    core: Arc<Core>,
    span: Span,
    method: &'static str,
    scheme: &'static str,
    version: Version,
    route: Option<MatchedPath>,
    started: u64,
    status: Option<StatusCode>,
    error: Option<Cow<'static, str>>,
}

impl Exchange {
    pub(super) fn begin(core: Arc<Core>, head: &Parts, public: bool) -> Self {
        let started = clock::monotonic_ns();
        let caller = propagation::extract_headers(&head.headers);
        let parent = if public { TraceContext::default() } else { caller.clone() };
        let span = parent.in_scope(|| tracing::info_span!("HTTP request"));
        if public && caller.is_valid() {
            span.add_link(&caller);
        }
        let method = semconv::method(&head.method);
        let original = Original::of(&head.headers);
        let scheme = original.scheme.unwrap_or_else(|| semconv::scheme(&head.uri));
        let route = head.extensions.get::<MatchedPath>().cloned();
        layer::with_data(&span, |data, core| {
            let route = route.as_ref().map(MatchedPath::as_str);
            describe(data, core.settings.span_limits.fields, head, method, route);
            let fields = &mut data.fields;
            let limits = core.settings.span_limits.fields;
            fields.append(Key::Static("url.scheme"), Stored::Static(scheme), limits);
            addresses(fields, limits, head, &original);
        });
        core.http.active(method, scheme, 1);
        let version = head.version;
        Self { core, span, method, scheme, version, route, started, status: None, error: None }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// The handler answered.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The handler or the body failed.
    pub(super) fn failed(&mut self, error_type: &'static str) {
        self.error = Some(Cow::Borrowed(error_type));
    }

    /// Completes the span. A client's mistake is no error of the server, nor is a client that
    /// went away.
    fn complete(&self, data: &mut SpanData, core: &Core) -> Option<Cow<'static, str>> {
        let limits = core.settings.span_limits;
        let server_error = self.status.is_some_and(|s| s.is_server_error());
        let error = self.error.clone().or_else(|| {
            let status = self.status.filter(|_| server_error)?;
            // What the handler recorded says more than the status.
            let recorded = match data.fields.get("error.type") {
                Some(ValueRef::Str(text)) if text != "_OTHER" => Some(Cow::Owned(text.to_owned())),
                _ => None,
            };
            Some(recorded.unwrap_or_else(|| semconv::status_text(status.as_u16())))
        });
        if let Some(status) = self.status {
            let status = Stored::Int(i64::from(status.as_u16()));
            data.fields.set(Key::Static("http.response.status_code"), status, limits.fields);
        } else if error.is_none() {
            let (time_ns, name) = (clock::now_ns(), "request.cancelled".into());
            data.add_event(EventData { time_ns, name, fields: Fields::default() }, &limits);
        }
        if let Some(error) = &error {
            data.fields.set_str("error.type", error, limits.fields);
            data.set_status(SpanStatus::Error(String::new()));
        }
        data.end_at(clock::monotonic_ns());
        error
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let recorded = layer::with_data(&self.span, |data, core| self.complete(data, core));
        let error = recorded.unwrap_or_else(|| {
            let status = self.status.filter(StatusCode::is_server_error);
            self.error.take().or_else(|| status.map(|s| semconv::status_text(s.as_u16())))
        });
        let http = &self.core.http;
        http.active(self.method, self.scheme, -1);
        let elapsed = clock::monotonic_ns().saturating_sub(self.started);
        let series = Served {
            method: self.method,
            scheme: self.scheme,
            version: semconv::protocol_version(self.version),
            status: self.status.map(|s| s.as_u16()),
            route: self.route.as_ref().map(MatchedPath::as_str),
            error: error.as_deref(),
        };
        let _current = self.span.enter();
        http.served(&series, Duration::from_nanos(elapsed));
    }
}

/// Describes a span that has no attributes yet.
fn describe(
    data: &mut SpanData,
    limits: FieldLimits,
    head: &Parts,
    method: &'static str,
    route: Option<&str>,
) {
    data.kind = SpanKind::Server;
    let name = semconv::name_of(method);
    data.name = match route {
        Some(route) => Cow::Owned([name, " ", route].concat()),
        None => Cow::Borrowed(name),
    };
    let fields = &mut data.fields;
    fields.append(Key::Static("http.request.method"), Stored::Static(method), limits);
    if method == "_OTHER" {
        fields.append_str("http.request.method_original", head.method.as_str(), limits);
    }
    if let Some(route) = route {
        fields.append_str("http.route", route, limits);
    }
    fields.append_str("url.path", head.uri.path(), limits);
    if let Some(query) = head.uri.query() {
        fields.append_str("url.query", &semconv::redacted_query(query), limits);
    }
    let version = semconv::protocol_version(head.version);
    fields.append(Key::Static("network.protocol.version"), Stored::Static(version), limits);
    if let Some(agent) = text(&head.headers, USER_AGENT) {
        fields.append_str("user_agent.original", agent, limits);
    }
}

fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.authority().map(|a| a.as_str()).or_else(|| text(headers, HOST))
}

/// Who asks whom: as it was before any proxy, where one says so. None of it was said before.
fn addresses(fields: &mut Fields, limits: FieldLimits, head: &Parts, original: &Original<'_>) {
    if let Some(authority) = original.host.or_else(|| authority(&head.uri, &head.headers)) {
        let (host, port) = semconv::host_and_port(authority);
        fields.append_str("server.address", host, limits);
        if let Some(port) = port {
            fields.append(Key::Static("server.port"), Stored::Int(port), limits);
        }
    }
    let mut client = original.client.map(|client| fields.store_str(client, limits));
    if let Some(ConnectInfo(peer)) = head.extensions.get::<ConnectInfo<SocketAddr>>() {
        let address = fields.store_args(format_args!("{}", peer.ip()), limits);
        client = client.or_else(|| Some(address.clone()));
        fields.append(Key::Static("network.peer.address"), address, limits);
        let port = Stored::Int(i64::from(peer.port()));
        fields.append(Key::Static("network.peer.port"), port, limits);
    }
    if let Some(client) = client {
        fields.append(Key::Static("client.address"), client, limits);
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty())
}
