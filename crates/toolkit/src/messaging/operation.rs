//! One operation on messages, from its start to its outcome.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use super::instruments::Series;
use super::names;
use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key, Stored, ValueRef};
use crate::layer::span_data::{EventData, LinkData, SpanData};
use crate::layer::{self, TelemetryLayer};
use crate::propagation::TraceContext;
use crate::{SpanExt, SpanKind, SpanStatus, clock, record_error};

/// A messaging system, as `messaging.system` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct System {
    pub(crate) name: &'static str,
    /// Spans are called `orders publish`, as NATS' other instrumentations do, and not
    /// `publish orders`, as the conventions have it.
    pub(crate) destination_first: bool,
}

/// `messaging.operation.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OperationType {
    Create,
    Send,
    Receive,
    Process,
    Settle,
}

impl OperationType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Process => "process",
            Self::Settle => "settle",
        }
    }
}

/// Where a message goes or comes from. Without a name: several messages, not all of one place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Destination<'a> {
    pub(crate) name: &'a str,
    /// The same for many names: `chat.history.{room}`.
    pub(crate) template: Option<&'a str>,
    /// It lives as long as one exchange: an inbox.
    pub(crate) temporary: bool,
}

impl<'a> Destination<'a> {
    /// What stands in names of spans and in metrics: few distinct values.
    pub(crate) fn shown(&self) -> &'a str {
        match self.template {
            Some(template) => template,
            None if self.temporary => "(temporary)",
            None => self.name,
        }
    }
}

/// What is done, before it is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) system: System,
    /// `messaging.operation.name`: the system's own verb.
    pub(crate) name: &'static str,
    pub(crate) kind: OperationType,
    pub(crate) span_kind: SpanKind,
    pub(crate) destination: Destination<'a>,
    pub(crate) group: Option<&'a str>,
    pub(crate) server: Option<(&'a str, u16)>,
}

/// An operation on its way. Dropped without an outcome it counts as cancelled, or as failed when
/// that happens in a panic.
#[derive(Debug)]
pub(crate) struct Running {
    core: Arc<Core>,
    span: Span,
    series: Arc<Series>,
    started: u64,
    /// How many messages are counted as sent or delivered by it.
    messages: u64,
    decided: bool,
}

impl Running {
    /// Starts the operation below `parent`, or below the current span when there is none. `None`
    /// when no telemetry runs.
    pub(crate) fn begin(operation: Operation<'_>, parent: Option<&TraceContext>) -> Option<Self> {
        let core = TelemetryLayer::current()?;
        let started = clock::monotonic_ns();
        let make = || tracing::info_span!(target: "throughline_toolkit::messaging", "message");
        let span = match parent {
            Some(parent) => parent.in_scope(make),
            None => make(),
        };
        layer::with_data(&span, |data, core| describe(data, core.settings.span_limits.fields, &operation));
        let series = core.messaging.series(&operation);
        Some(Self { core, span, series, started, messages: 1, decided: false })
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// What is to be carried by the message.
    pub(crate) fn context(&self) -> TraceContext {
        self.span.context()
    }

    /// How many messages it sends or delivers; one unless said, none when another operation has
    /// delivered them.
    pub(crate) fn set_messages(&mut self, messages: usize) {
        self.messages = messages as u64;
    }

    /// Adds attributes, when the span is recorded.
    pub(crate) fn describe(&self, f: impl FnOnce(&mut Fields, FieldLimits)) {
        layer::with_data(&self.span, |data, core| f(&mut data.fields, core.settings.span_limits.fields));
    }

    /// [`Running::describe`] with the time the operation started at, nanoseconds since 1970.
    pub(crate) fn describe_at_start(&self, f: impl FnOnce(&mut Fields, FieldLimits, u64)) {
        layer::with_data(&self.span, |data, core| {
            let started_ns = data.start_ns;
            f(&mut data.fields, core.settings.span_limits.fields, started_ns);
        });
    }

    /// Says that the operation started earlier, at this monotonic time.
    pub(crate) fn started_at(&mut self, monotonic_ns: u64) {
        self.started = monotonic_ns;
        layer::with_data(&self.span, |data, _| data.start_at(clock::wall_ns(monotonic_ns)));
    }

    /// Links the span to where a message was created, with attributes of that message.
    pub(crate) fn link(&self, to: &TraceContext, f: impl FnOnce(&mut Fields, FieldLimits)) {
        if !to.is_valid() {
            return;
        }
        layer::with_data(&self.span, |data, core| {
            let limits = core.settings.span_limits;
            let mut link = LinkData::to(to.clone());
            f(&mut link.fields, limits.link_fields);
            data.add_link(link, &limits);
        });
    }

    /// Links the span to the one it was started in, when that is neither its parent nor
    /// `creation`.
    pub(crate) fn link_surroundings(&self, creation: &TraceContext) {
        if creation.is_valid() {
            let around = TraceContext::current();
            if around.span_id != creation.span_id {
                self.link(&around, |_, _| {});
            }
        }
    }

    /// Ends it as `outcome` says; an error is recorded on the span with `error_type` of it.
    pub(crate) fn finish<T, E: Error + 'static>(
        self,
        outcome: Result<T, E>,
        error_type: impl FnOnce(&E) -> Cow<'static, str>,
    ) -> Result<T, E> {
        match &outcome {
            Ok(_) => self.succeed(),
            Err(error) => {
                let error_type = error_type(error);
                self.fail(error, &error_type);
            }
        }
        outcome
    }

    pub(crate) fn succeed(mut self) {
        self.decide(None);
    }

    pub(crate) fn fail(mut self, error: &(dyn Error + 'static), error_type: &str) {
        record_error(&self.span, error, error_type);
        self.decide(Some(error_type));
    }

    /// [`Running::fail`] for what application code answered: an `error.type` that it recorded on
    /// the span itself says more than the type of the error.
    pub(crate) fn fail_as_recorded(self, error: &(dyn Error + 'static), error_type: &str) {
        let recorded = layer::with_data(&self.span, |data, _| match data.fields.get("error.type") {
            Some(ValueRef::Str(text)) => Some(text.to_owned()),
            _ => None,
        });
        self.fail(error, recorded.flatten().as_deref().unwrap_or(error_type));
    }

    /// Ends it as failed because an answer says so: no error of this process.
    pub(crate) fn refused(mut self, error_type: &str, reason: &str) {
        layer::with_data(&self.span, |data, core| {
            data.fields.set_str("error.type", error_type, core.settings.span_limits.fields);
            data.set_status(SpanStatus::Error(reason.to_owned()));
        });
        self.decide(Some(error_type));
    }

    fn decide(&mut self, error_type: Option<&str>) {
        self.decided = true;
        let now = clock::monotonic_ns();
        layer::with_data(&self.span, |data, _| data.end_at(now));
        let elapsed = Duration::from_nanos(now.saturating_sub(self.started));
        let _current = self.span.enter();
        self.core.messaging.measure(&self.series, self.messages, elapsed, error_type);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.decided {
            return;
        }
        if std::thread::panicking() {
            layer::with_data(&self.span, |data, core| {
                data.fields.set_str("error.type", "panic", core.settings.span_limits.fields);
                data.set_status(SpanStatus::Error("panicked".to_owned()));
            });
            return self.decide(Some("panic"));
        }
        layer::with_data(&self.span, |data, core| {
            let (time_ns, name) = (clock::now_ns(), "cancelled".into());
            let event = EventData { time_ns, name, fields: Fields::default() };
            data.add_event(event, &core.settings.span_limits);
        });
        self.decide(None);
    }
}

fn describe(data: &mut SpanData, limits: FieldLimits, operation: &Operation<'_>) {
    let Operation { system, destination, .. } = operation;
    data.kind = operation.span_kind;
    let shown = destination.shown();
    data.name = if shown.is_empty() {
        Cow::Borrowed(operation.name)
    } else if system.destination_first {
        Cow::Owned(format!("{shown} {}", operation.name))
    } else {
        Cow::Owned(format!("{} {shown}", operation.name))
    };
    let fields = &mut data.fields;
    let constants = [
        (names::SYSTEM, system.name),
        (names::OPERATION_NAME, operation.name),
        (names::OPERATION_TYPE, operation.kind.as_str()),
    ];
    for (key, value) in constants {
        fields.set(Key::Static(key), Stored::Static(value), limits);
    }
    if !destination.name.is_empty() {
        fields.set_str(names::DESTINATION, destination.name, limits);
    }
    if let Some(template) = destination.template {
        fields.set_str(names::DESTINATION_TEMPLATE, template, limits);
    }
    if destination.temporary {
        fields.set(Key::Static(names::DESTINATION_TEMPORARY), Stored::Bool(true), limits);
    }
    if let Some(group) = operation.group {
        fields.set_str(names::CONSUMER_GROUP, group, limits);
    }
    if let Some((address, port)) = operation.server {
        fields.set_str(names::SERVER_ADDRESS, address, limits);
        fields.set(Key::Static(names::SERVER_PORT), Stored::Int(i64::from(port)), limits);
    }
}
