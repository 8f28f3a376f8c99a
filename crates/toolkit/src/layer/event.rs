//! `tracing` events: one JSON line, one OTLP log record, and the mark an error leaves on its span.

use std::borrow::Cow;

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::visit::EventVisitor;
use super::{Slot, active};
use crate::SpanStatus;
use crate::clock;
use crate::core::Core;
use crate::fields::{Fields, ValueRef};
use crate::propagation::TraceContext;

/// A log record, until it is encoded. Pooled.
#[derive(Debug, Default)]
pub(crate) struct LogData {
    pub(crate) time_ns: u64,
    pub(crate) severity: Severity,
    pub(crate) target: Cow<'static, str>,
    /// A name given in the macro (`name: "order.booked"`).
    pub(crate) event_name: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) fields: Fields,
    pub(crate) cx: Option<TraceContext>,
}

/// OTLP severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Severity {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

impl Severity {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Trace => 1,
            Self::Debug => 5,
            Self::Info => 9,
            Self::Warn => 13,
            Self::Error => 17,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl From<&Level> for Severity {
    fn from(level: &Level) -> Self {
        match *level {
            Level::TRACE => Self::Trace,
            Level::DEBUG => Self::Debug,
            Level::INFO => Self::Info,
            Level::WARN => Self::Warn,
            Level::ERROR => Self::Error,
        }
    }
}

impl LogData {
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.message.capacity() + self.fields.bytes()
    }

    pub(crate) fn reset(&mut self) {
        self.message.clear();
        self.message.shrink_to(4096);
        self.fields.clear();
        self.cx = None;
    }
}

pub(super) fn on_event<S>(core: &Core, event: &Event<'_>, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if active::is_silent() {
        return;
    }
    let metadata = event.metadata();
    let mut record = core.log_pool.get();
    record.time_ns = clock::now_ns();
    record.severity = Severity::from(metadata.level());
    record.target = Cow::Borrowed(metadata.target());
    record.event_name = given_name(metadata);
    record.cx = context_of(event, ctx);
    let LogData { fields, message, .. } = &mut *record;
    event.record(&mut EventVisitor { fields, message, limits: core.settings.log_limits });
    if record.severity == Severity::Error {
        mark_span(core, &record, event, ctx);
    }
    core.log(record);
}

/// The name of an event unless it is the one the macro made up.
fn given_name(metadata: &'static Metadata<'static>) -> Option<&'static str> {
    let name = metadata.name();
    (!name.starts_with("event ")).then_some(name)
}

fn context_of<S>(event: &Event<'_>, ctx: &Context<'_, S>) -> Option<TraceContext>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let cx = if event.is_contextual() {
        active::current()
    } else {
        let span = event.parent().and_then(|id| ctx.span(id));
        span.and_then(|span| span.extensions().get::<Slot>().map(|slot| slot.cx.clone()))
    };
    cx.filter(TraceContext::is_valid)
}

/// An event at level ERROR makes its span an error; an `error` field becomes its exception.
fn mark_span<S>(core: &Core, record: &LogData, event: &Event<'_>, ctx: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = ctx.event_span(event) else { return };
    let mut extensions = span.extensions_mut();
    let Some(data) = extensions.get_mut::<Slot>().and_then(|slot| slot.data.as_mut()) else {
        return;
    };
    let error = match record.fields.get("error") {
        Some(ValueRef::Str(text)) => Some(text.to_owned()),
        _ => None,
    };
    let message = error.clone().unwrap_or_else(|| record.message.clone());
    if !matches!(data.status, SpanStatus::Error(_)) {
        data.set_status(SpanStatus::Error(message));
    }
    if data.fields.get("error.type").is_none() {
        data.fields.set_str("error.type", "_OTHER", core.settings.span_limits.fields);
    }
    let Some(error) = error else { return };
    let fingerprint = crate::record_error::fingerprint(&error);
    if data.exception == Some(fingerprint) {
        return;
    }
    crate::record_error::add_exception(data, core, &error, None, record.cx.as_ref());
    data.exception = Some(fingerprint);
    drop(extensions);
    for ancestor in span.scope().skip(1) {
        let mut extensions = ancestor.extensions_mut();
        if let Some(data) = extensions.get_mut::<Slot>().and_then(|slot| slot.data.as_mut()) {
            data.exception = Some(fingerprint);
        }
    }
}
