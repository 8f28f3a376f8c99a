//! A log record as it arrived.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceId};

use super::otlp::logs::v1::LogRecord;
use super::otlp::resource::v1::Resource;
use super::span::{span_id, text_of, trace_id};
use super::{Span, Trace, Value};

/// A log record as the sink received it. Cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    record: LogRecord,
    scope: String,
    resource: Arc<Resource>,
}

impl Log {
    pub(super) fn new(record: LogRecord, scope: String, resource: Arc<Resource>) -> Self {
        Self(Arc::new(Inner { record, scope, resource }))
    }

    /// The OTLP message.
    #[must_use]
    pub fn otlp(&self) -> &LogRecord {
        &self.0.record
    }

    /// `service.name` of its resource, empty when there is none.
    #[must_use]
    pub fn service(&self) -> &str {
        text_of(&self.0.resource, "service.name")
    }

    /// The name of its instrumentation scope: the target of the `tracing` event.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.0.scope
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> String {
        self.otlp().body.as_ref().map_or_else(String::new, |body| Value::of(Some(body)).to_string())
    }

    /// `INFO`, `ERROR` and so on.
    #[must_use]
    pub fn level(&self) -> &str {
        &self.otlp().severity_text
    }

    /// The name of the event, if it was given one.
    #[must_use]
    pub fn event_name(&self) -> &str {
        &self.otlp().event_name
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<Value> {
        Value::find(&self.otlp().attributes, key)
    }

    /// Its attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Value)> {
        Value::all(&self.otlp().attributes)
    }

    /// The trace it was written in; invalid outside any.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        trace_id(&self.otlp().trace_id)
    }

    /// The span it was written in; invalid outside any.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        span_id(&self.otlp().span_id)
    }

    /// Claims its level: `ERROR`.
    #[track_caller]
    pub fn is_at(&self, level: &str) -> &Self {
        assert!(self.level() == level, "the level of this log record is not {level}: {self:?}");
        self
    }

    /// Claims the value of an attribute.
    #[track_caller]
    pub fn has(&self, key: &str, value: impl Into<Value>) -> &Self {
        let (found, wanted) = (self.attribute(key), value.into());
        assert!(found.as_ref() == Some(&wanted), "this log record has not {key} = {wanted}: {self:?}");
        self
    }

    /// Claims that it was written inside a span.
    #[track_caller]
    pub fn inside(&self, span: &Span) -> &Self {
        let same = self.trace_id() == span.trace_id() && self.span_id() == span.span_id();
        assert!(same, "this log record was not written inside {span:?}: {self:?}");
        self
    }

    /// Claims that it was written inside a trace.
    #[track_caller]
    pub fn belongs_to(&self, trace: &Trace<'_>) -> &Self {
        let same = self.trace_id() == trace.id();
        assert!(same, "this log record does not belong to trace {}: {self:?}", trace.id());
        self
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("level", &self.level())
            .field("body", &self.body())
            .field("service", &self.service())
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("attributes", &self.attributes().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
