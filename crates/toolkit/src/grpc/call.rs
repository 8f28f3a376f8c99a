//! One call, seen from either side: the span and the measurements.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tonic::{Code, Status};
use tower::BoxError;
use tracing::Span;

use super::instruments::Measured;
use super::method::Method;
use super::target::Target;
use super::{code, names};
use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::layer;
use crate::layer::span_data::{EventData, SpanData};
use crate::{SpanKind, SpanStatus, clock, record_error};

/// A call on its way. Dropping it ends the span and takes the measurements.
#[derive(Debug)]
pub(super) struct Call {
    core: Arc<Core>,
    span: Span,
    method: Method,
    /// The server, when this is the client's side.
    target: Option<Arc<Target>>,
    started: u64,
    timeout: Option<Duration>,
    /// The status of HTTP, which counts when there is no other.
    http: Option<StatusCode>,
    outcome: Option<(Code, String)>,
}

/// What a call came to.
#[derive(Debug, Clone, Copy)]
struct End {
    code: Code,
    is_error: bool,
    /// Nobody waits for the answer any more.
    cancelled: bool,
}

impl Call {
    /// Describes the call in `span`; `more` adds attributes when the span is recorded.
    pub(super) fn begin(
        core: Arc<Core>,
        span: Span,
        head: &Parts,
        target: Option<Arc<Target>>,
        more: impl FnOnce(&mut Fields, FieldLimits),
    ) -> Self {
        let started = clock::monotonic_ns();
        let method = Method::of(&head.uri);
        layer::with_data(&span, |data, core| {
            let limits = core.settings.span_limits.fields;
            data.kind = if target.is_some() { SpanKind::Client } else { SpanKind::Server };
            describe(data, limits, &method);
            more(&mut data.fields, limits);
        });
        if target.is_none() {
            core.rpc.active(1);
        }
        let timeout = code::timeout(&head.headers);
        Self { core, span, method, target, started, timeout, http: None, outcome: None }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// The answer has begun. One that is nothing but headers has its status there.
    pub(super) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.http = Some(status);
        self.outcome = code::in_headers(headers);
    }

    /// The answer has ended with trailers.
    pub(super) fn trailed(&mut self, trailers: &HeaderMap) {
        self.outcome = code::in_headers(trailers).or(self.outcome.take());
    }

    /// The answer has ended.
    pub(super) fn ended(&mut self) {
        if self.outcome.is_none() {
            self.outcome = self.http.map(|status| (code::of_http(status), String::new()));
        }
    }

    /// The call or its answer broke off. The error is passed on as tonic would see it.
    pub(super) fn failed(&mut self, error: BoxError) -> BoxError {
        let error: BoxError = match Status::try_from_error(error) {
            Ok(status) => {
                self.outcome = Some((status.code(), status.message().to_owned()));
                Box::new(status)
            }
            Err(error) => {
                self.outcome = Some((Code::Unknown, error.to_string()));
                error
            }
        };
        let end = self.end();
        if end.is_error {
            let error: &(dyn Error + 'static) = &*error;
            record_error(&self.span, error, code::name(end.code));
        }
        error
    }

    fn end(&self) -> End {
        let elapsed = Duration::from_nanos(clock::monotonic_ns().saturating_sub(self.started));
        let late = self.timeout.is_some_and(|timeout| elapsed >= timeout - self.slack(timeout));
        let told = self.outcome.as_ref().map(|(code, _)| *code);
        let code = match told.unwrap_or(Code::Cancelled) {
            Code::Cancelled if late => Code::DeadlineExceeded,
            code => code,
        };
        let cancelled = told.is_none() && code == Code::Cancelled;
        let is_error = match &self.target {
            Some(_) => code != Code::Ok && !cancelled,
            None => code::is_error_of_server(code),
        };
        End { code, is_error, cancelled }
    }

    /// How much earlier than by our clock the deadline may pass: the caller's clock started when
    /// the call was sent, which the server cannot know.
    fn slack(&self, timeout: Duration) -> Duration {
        if self.target.is_some() { Duration::ZERO } else { timeout / 10 }
    }

    /// The name of the method, unless nobody knows it.
    fn method(&self, end: End) -> Option<&str> {
        let unknown = self.target.is_none() && end.code == Code::Unimplemented;
        self.method.name().filter(|_| !unknown)
    }

    fn complete(&self, data: &mut SpanData, core: &Core, end: End) {
        let limits = core.settings.span_limits;
        if self.method(end).is_none() {
            data.name = Cow::Borrowed(names::GRPC);
            data.fields.set(Key::Static(names::METHOD), Stored::Static(names::OTHER), limits.fields);
            data.fields.set_str(names::METHOD_ORIGINAL, self.method.text(), limits.fields);
        }
        let status = Stored::Static(code::name(end.code));
        data.fields.set(Key::Static(names::STATUS), status.clone(), limits.fields);
        if end.cancelled {
            let (time_ns, name) = (clock::now_ns(), "cancelled".into());
            data.add_event(EventData { time_ns, name, fields: Fields::default() }, &limits);
        }
        if end.is_error {
            data.fields.set(Key::Static(names::ERROR_TYPE), status, limits.fields);
            let message = self.outcome.as_ref().map(|(_, message)| message.clone());
            data.set_status(SpanStatus::Error(message.unwrap_or_default()));
        }
        data.end_at(clock::monotonic_ns());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let end = self.end();
        layer::with_data(&self.span, |data, core| self.complete(data, core, end));
        let elapsed = clock::monotonic_ns().saturating_sub(self.started);
        let measured = Measured {
            method: self.method(end).unwrap_or(names::OTHER),
            status: code::name(end.code),
            is_error: end.is_error,
            target: self.target.as_deref(),
        };
        let _current = self.span.enter();
        self.core.rpc.measure(measured, Duration::from_nanos(elapsed));
        if self.target.is_none() {
            self.core.rpc.active(-1);
        }
    }
}

fn describe(data: &mut SpanData, limits: FieldLimits, method: &Method) {
    data.fields.set(Key::Static(names::SYSTEM), Stored::Static(names::GRPC), limits);
    match method.name() {
        Some(name) => {
            data.name = Cow::Owned(name.to_owned());
            data.fields.set_str(names::METHOD, name, limits);
        }
        None => data.name = Cow::Borrowed(names::GRPC),
    }
}
