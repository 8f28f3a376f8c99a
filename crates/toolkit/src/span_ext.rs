//! What a `tracing` span cannot say by itself: context, kind, status, links, events.

use std::borrow::Cow;

use opentelemetry::{KeyValue, Value};

use crate::clock;
use crate::fields::{Fields, Key};
use crate::layer::span_data::{EventData, LinkData};
use crate::layer::{self, active};
use crate::propagation::{SAMPLED, TraceContext};

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
    /// Makes this span a child of `parent`. Spans already made below it do not follow, and the
    /// attributes of a span that was not sampled before are gone: prefer
    /// [`TraceContext::in_scope`], which gives the parent before the span is made.
    fn set_parent(&self, parent: &TraceContext);
    /// Adds a link to another span.
    fn add_link(&self, to: &TraceContext);
    /// Adds an event, such as `cache_miss`.
    fn add_event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>);
    /// Sets an attribute, declared as a field or not.
    fn set_attribute(&self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>);
    /// Sets the status. An earlier `Ok` is final.
    fn set_status(&self, status: SpanStatus);
    /// Sets the kind.
    fn set_kind(&self, kind: SpanKind);
    /// Renames the span.
    fn rename(&self, name: impl Into<Cow<'static, str>>);
}

impl SpanExt for tracing::Span {
    fn context(&self) -> TraceContext {
        // A span below an unsampled one is never made: its context is that of the span around it.
        layer::with_slot(self, |slot, _| slot.cx.clone()).unwrap_or_else(TraceContext::current)
    }

    fn set_parent(&self, parent: &TraceContext) {
        if !parent.is_valid() {
            return;
        }
        layer::with_slot(self, |slot, core| {
            slot.cx.trace_id = parent.trace_id;
            slot.cx.state.clone_from(&parent.state);
            slot.cx.baggage.clone_from(&parent.baggage);
            if !core.sampler.keeps(parent, parent.trace_id) {
                slot.cx.flags = parent.flags & !SAMPLED;
                if let Some(mut data) = slot.data.take() {
                    core.span_abandoned();
                    data.reset();
                    core.span_pool.put(data);
                }
            } else if let Some(data) = slot.data.as_mut() {
                slot.cx.flags = parent.flags | SAMPLED;
                data.parent_id = Some(parent.span_id);
                data.parent_is_remote = parent.remote;
            }
        });
        active::forget_last();
    }

    fn add_link(&self, to: &TraceContext) {
        layer::with_data(self, |data, core| {
            data.add_link(LinkData::to(to.clone()), &core.settings.span_limits);
        });
    }

    fn add_event(&self, name: impl Into<Cow<'static, str>>, attributes: Vec<KeyValue>) {
        layer::with_data(self, |data, core| {
            let limits = core.settings.span_limits;
            let mut fields = Fields::default();
            for attribute in attributes {
                let value = fields.store_value(attribute.value, limits.event_fields);
                let key = Key::Owned(attribute.key.as_str().into());
                fields.set(key, value, limits.event_fields);
            }
            let event = EventData { time_ns: clock::now_ns(), name: name.into(), fields };
            data.add_event(event, &limits);
        });
    }

    fn set_attribute(&self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        layer::with_data(self, |data, core| {
            let limits = core.settings.span_limits.fields;
            let value = data.fields.store_value(value.into(), limits);
            let key = match key.into() {
                Cow::Borrowed(key) => Key::Static(key),
                Cow::Owned(key) => Key::Owned(key.into()),
            };
            data.fields.set(key, value, limits);
        });
    }

    fn set_status(&self, status: SpanStatus) {
        layer::with_data(self, |data, _| data.set_status(status));
    }

    fn set_kind(&self, kind: SpanKind) {
        layer::with_data(self, |data, _| data.kind = kind);
    }

    fn rename(&self, name: impl Into<Cow<'static, str>>) {
        layer::with_data(self, |data, _| data.name = name.into());
    }
}

impl SpanKind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "internal" => Self::Internal,
            "server" => Self::Server,
            "client" => Self::Client,
            "producer" => Self::Producer,
            "consumer" => Self::Consumer,
            _ => return None,
        })
    }
}
