//! One operation on messages, from its start to its outcome.
//!
//! [`Running`] is one that other work is done inside of, as a handler's: its span is a `tracing`
//! span. Any other is a [`Leaf`](super::leaf::Leaf), which costs half as much.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use super::instruments::Series;
use super::names;
use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key, Stored, ValueRef};
use crate::layer::span_data::{EventData, LinkData, SpanData, SpanLimits};
use crate::layer::{self, Slot, TelemetryLayer, active};
use crate::propagation::TraceContext;
use crate::{SpanExt, SpanKind, SpanStatus, clock, record_error};

/// The scope of the spans of operations.
const SCOPE: &str = "throughline_toolkit::messaging";

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

/// What an operation is counted on when it has ended.
#[derive(Debug)]
pub(super) struct Account {
    core: Arc<Core>,
    series: Arc<Series>,
    started: u64,
    /// How many messages are counted as sent or delivered.
    pub(super) messages: u64,
}

impl Account {
    pub(super) fn open(core: Arc<Core>, operation: &Operation<'_>, started: u64) -> Self {
        let series = core.messaging.series(operation);
        Self { core, series, started, messages: 1 }
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    pub(super) fn started_at(&mut self, monotonic_ns: u64) {
        self.started = monotonic_ns;
    }

    /// Counts the operation, which was traced as `cx`.
    pub(super) fn close(&self, cx: &TraceContext, ended: u64, error_type: Option<&str>) {
        let elapsed = Duration::from_nanos(ended.saturating_sub(self.started));
        self.core.messaging.measure(&self.series, self.messages, elapsed, error_type, cx);
    }
}

/// An operation on its way, whose span other spans are made in. Dropped without an outcome it
/// counts as cancelled, or as failed when that happens in a panic.
#[derive(Debug)]
pub(crate) struct Running {
    account: Account,
    span: Span,
    decided: bool,
}

impl Running {
    /// Starts the operation below `parent`, or below the current span when there is none. `None`
    /// when no telemetry runs.
    pub(crate) fn begin(operation: Operation<'_>, parent: Option<&TraceContext>) -> Option<Self> {
        Self::begin_with(operation, parent, |_, _| {})
    }

    /// [`Running::begin`] with more to say about the span, when it is recorded.
    pub(crate) fn begin_with(
        operation: Operation<'_>,
        parent: Option<&TraceContext>,
        more: impl FnOnce(&mut SpanData, &Core),
    ) -> Option<Self> {
        let core = TelemetryLayer::current()?;
        let (slot, started) = begin(&core, &operation, parent, more);
        let make = || tracing::info_span!(target: SCOPE, "message");
        let span = slot.map_or_else(Span::none, |slot| layer::make_with(&core, slot, make));
        Some(Self { account: Account::open(core, &operation, started), span, decided: false })
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
        self.account.messages = messages as u64;
    }

    /// Adds attributes, when the span is recorded.
    pub(crate) fn describe(&self, f: impl FnOnce(&mut Fields, FieldLimits)) {
        layer::with_data(&self.span, |data, core| f(&mut data.fields, core.settings.span_limits.fields));
    }

    /// Links the span to where a message was created, with attributes of that message.
    pub(crate) fn link(&self, to: &TraceContext, f: impl FnOnce(&mut Fields, FieldLimits)) {
        layer::with_data(&self.span, |data, core| link(data, &core.settings.span_limits, to, f));
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

    fn decide(&mut self, error_type: Option<&str>) {
        self.decided = true;
        let now = clock::monotonic_ns();
        let cx = layer::with_slot(&self.span, |slot, _| {
            if let Some(data) = &mut slot.data {
                data.end_at(now);
            }
            slot.cx.clone()
        });
        self.account.close(&cx.unwrap_or_else(TraceContext::current), now, error_type);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.decided {
            let error_type = layer::with_data(&self.span, give_up).unwrap_or_else(given_up);
            self.decide(error_type);
        }
    }
}

/// What the span of an operation keeps, and when it started. `None` where spans must not be made.
pub(super) fn begin(
    core: &Core,
    operation: &Operation<'_>,
    parent: Option<&TraceContext>,
    more: impl FnOnce(&mut SpanData, &Core),
) -> (Option<Slot>, u64) {
    let mut slot = layer::start(core, parent, SCOPE);
    let data = slot.as_mut().and_then(|slot| slot.data.as_mut());
    let started = data.map(|data| {
        describe(data, core.settings.span_limits.fields, operation);
        more(data, core);
        data.started()
    });
    (slot, started.unwrap_or_else(clock::monotonic_ns))
}

/// `error.type` of an operation that ends without an outcome: none when it was cancelled.
pub(super) fn given_up() -> Option<&'static str> {
    std::thread::panicking().then_some("panic")
}

/// Says on a span that its operation ends without an outcome.
pub(super) fn give_up(data: &mut SpanData, core: &Core) -> Option<&'static str> {
    let limits = &core.settings.span_limits;
    let error_type = given_up();
    match error_type {
        Some(error_type) => {
            data.fields.set_str("error.type", error_type, limits.fields);
            data.set_status(SpanStatus::Error("panicked".to_owned()));
        }
        None => {
            let (time_ns, name) = (clock::now_ns(), "cancelled".into());
            data.add_event(EventData { time_ns, name, fields: Fields::default() }, limits);
        }
    }
    error_type
}

/// Links a span to where a message was created, with attributes of that message.
pub(crate) fn link(
    data: &mut SpanData,
    limits: &SpanLimits,
    to: &TraceContext,
    f: impl FnOnce(&mut Fields, FieldLimits),
) {
    if to.is_valid() {
        let mut link = LinkData::to(to.clone());
        f(&mut link.fields, limits.link_fields);
        data.add_message_link(link, limits);
    }
}

/// Links a span to the one it was started in, when that is neither its parent nor `creation`.
pub(crate) fn link_surroundings(data: &mut SpanData, core: &Core, creation: &TraceContext) {
    if creation.is_valid() {
        active::with_current(|around| {
            if let Some(around) = around.filter(|around| around.span_id != creation.span_id) {
                link(data, &core.settings.span_limits, around, |_, _| {});
            }
        });
    }
}

/// Describes a span that has no attributes yet.
fn describe(data: &mut SpanData, limits: FieldLimits, operation: &Operation<'_>) {
    let Operation { system, destination, .. } = operation;
    data.kind = operation.span_kind;
    let shown = destination.shown();
    let (first, second) =
        if system.destination_first { (shown, operation.name) } else { (operation.name, shown) };
    data.name = match shown {
        "" => Cow::Borrowed(operation.name),
        _ => Cow::Owned([first, " ", second].concat()),
    };
    let fields = &mut data.fields;
    let constants = [
        (names::SYSTEM, system.name),
        (names::OPERATION_NAME, operation.name),
        (names::OPERATION_TYPE, operation.kind.as_str()),
    ];
    for (key, value) in constants {
        fields.append(Key::Static(key), Stored::Static(value), limits);
    }
    if !destination.name.is_empty() {
        fields.append_str(names::DESTINATION, destination.name, limits);
    }
    if let Some(template) = destination.template {
        fields.append_str(names::DESTINATION_TEMPLATE, template, limits);
    }
    if destination.temporary {
        fields.append(Key::Static(names::DESTINATION_TEMPORARY), Stored::Bool(true), limits);
    }
    if let Some(group) = operation.group {
        fields.append_str(names::CONSUMER_GROUP, group, limits);
    }
    if let Some((address, port)) = operation.server {
        fields.append_str(names::SERVER_ADDRESS, address, limits);
        fields.append(Key::Static(names::SERVER_PORT), Stored::Int(i64::from(port)), limits);
    }
}
