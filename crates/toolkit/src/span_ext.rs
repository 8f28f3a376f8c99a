//! What a `tracing` span cannot say by itself: context, kind, status, links, events.

use opentelemetry::{KeyValue, Value};

use crate::propagation::TraceContext;

/// The role of a span in an exchange between processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanKind {
    /// Work inside the process.
    #[default]
    Internal,
    /// Handles a request from another process.
    Server,
    /// Makes a request to another process and waits.
    Client,
    /// Hands a message to a broker or queue.
    Producer,
    /// Handles a message from a broker or queue.
    Consumer,
}

/// The outcome of a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SpanStatus {
    /// Nobody said; readers take it as success.
    #[default]
    Unset,
    /// Success, said on purpose.
    Ok,
    /// Failure, with a description.
    Error(String),
}

/// OpenTelemetry operations on a [`tracing::Span`].
pub trait SpanExt {
    /// The trace context of this span, to be carried elsewhere.
    fn context(&self) -> TraceContext;
    /// Makes this span a child of `parent`, if it has not been given a parent at creation.
    fn set_parent(&self, parent: &TraceContext);
    /// Adds a link to another span.
    fn add_link(&self, to: &TraceContext);
    /// Adds an event, such as `cache_miss`.
    fn add_event(&self, name: impl Into<String>, attributes: Vec<KeyValue>);
    /// Sets an attribute, declared as a field or not.
    fn set_attribute(&self, key: impl Into<String>, value: impl Into<Value>);
    /// Sets the status. An earlier `Ok` is final.
    fn set_status(&self, status: SpanStatus);
    /// Sets the kind.
    fn set_kind(&self, kind: SpanKind);
    /// Renames the span.
    fn rename(&self, name: impl Into<String>);
}

impl SpanExt for tracing::Span {
    fn context(&self) -> TraceContext {
        TraceContext::default()
    }
    fn set_parent(&self, _parent: &TraceContext) {}
    fn add_link(&self, _to: &TraceContext) {}
    fn add_event(&self, _name: impl Into<String>, _attributes: Vec<KeyValue>) {}
    fn set_attribute(&self, _key: impl Into<String>, _value: impl Into<Value>) {}
    fn set_status(&self, _status: SpanStatus) {}
    fn set_kind(&self, _kind: SpanKind) {}
    fn rename(&self, _name: impl Into<String>) {}
}
