//! A span as it arrived.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceId};

use super::Value;
use super::otlp::common::v1::InstrumentationScope;
use super::otlp::resource::v1::Resource;
use super::otlp::trace::v1 as otlp;
use crate::propagation::TraceContext;
use crate::{SpanKind, SpanStatus};

/// A span as the sink received it. Cheap to clone.
#[derive(Clone)]
pub struct Span(Arc<Inner>);

struct Inner {
    span: otlp::Span,
    scope: InstrumentationScope,
    resource: Arc<Resource>,
}

impl Span {
    /// A span out of an OTLP request, with the scope and the resource it came under.
    #[must_use]
    pub fn new(span: otlp::Span, scope: InstrumentationScope, resource: Arc<Resource>) -> Self {
        Self(Arc::new(Inner { span, scope, resource }))
    }

    /// The OTLP message.
    #[must_use]
    pub fn otlp(&self) -> &otlp::Span {
        &self.0.span
    }

    /// Who emitted it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.0.resource
    }

    /// `service.name` of its resource, empty when there is none.
    #[must_use]
    pub fn service(&self) -> &str {
        text_of(&self.0.resource, "service.name")
    }

    /// The name of its instrumentation scope.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.0.scope.name
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.otlp().name
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> SpanKind {
        match self.otlp().kind {
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Internal,
        }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> SpanStatus {
        match &self.otlp().status {
            Some(status) if status.code == 1 => SpanStatus::Ok,
            Some(status) if status.code == 2 => SpanStatus::Error(status.message.clone()),
            _ => SpanStatus::Unset,
        }
    }

    /// Whether its status is ERROR.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.status(), SpanStatus::Error(_))
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        trace_id(&self.otlp().trace_id)
    }

    /// Its id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        span_id(&self.otlp().span_id)
    }

    /// The span it is a child of; `None` for a root.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        Some(span_id(&self.otlp().parent_span_id)).filter(|id| *id != SpanId::INVALID)
    }

    /// Its identity, as a service would receive it.
    #[must_use]
    pub fn context(&self) -> TraceContext {
        TraceContext::remote(self.trace_id(), self.span_id(), self.otlp().flags & 1 != 0)
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

    /// Its events, in order.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.otlp().events.iter().map(Event)
    }

    /// Its links, in order.
    pub fn links(&self) -> impl Iterator<Item = Link<'_>> {
        self.otlp().links.iter().map(Link)
    }

    /// When it started, in nanoseconds since 1970.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.otlp().start_time_unix_nano
    }

    /// When it ended, in nanoseconds since 1970.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.otlp().end_time_unix_nano
    }

    /// How long it took.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end_ns().saturating_sub(self.start_ns()))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("name", &self.name())
            .field("kind", &self.kind())
            .field("service", &self.service())
            .field("context", &self.context())
            .field("parent", &self.parent_id())
            .field("status", &self.status())
            .field("attributes", &self.attributes().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// An event on a [`Span`].
#[derive(Debug, Clone, Copy)]
pub struct Event<'a>(&'a otlp::span::Event);

impl<'a> Event<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.0.name
    }

    /// When it happened, in nanoseconds since 1970.
    #[must_use]
    pub fn time_ns(&self) -> u64 {
        self.0.time_unix_nano
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<Value> {
        Value::find(&self.0.attributes, key)
    }
}

/// A link from a [`Span`] to another.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a>(&'a otlp::span::Link);

impl Link<'_> {
    /// The trace it leads to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        trace_id(&self.0.trace_id)
    }

    /// The span it leads to.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        span_id(&self.0.span_id)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<Value> {
        Value::find(&self.0.attributes, key)
    }

    pub(super) fn leads_to(&self, span: &Span) -> bool {
        self.span_id() == span.span_id() && self.trace_id() == span.trace_id()
    }
}

/// The text of a resource attribute, empty when there is none.
pub(super) fn text_of<'a>(resource: &'a Resource, key: &str) -> &'a str {
    use super::otlp::common::v1::any_value::Value::StringValue;
    let found = resource.attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(StringValue(text)) => text,
        _ => "",
    }
}

/// A trace id from its bytes, invalid when they are not sixteen.
pub(super) fn trace_id(bytes: &[u8]) -> TraceId {
    bytes.try_into().map_or(TraceId::INVALID, TraceId::from_bytes)
}

/// A span id from its bytes, invalid when they are not eight.
pub(super) fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(SpanId::INVALID, SpanId::from_bytes)
}
