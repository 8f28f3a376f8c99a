//! Errors on spans: status, `error.type` and the exception, once.

use std::error::Error;
use std::hash::{Hash, Hasher};

use crate::SpanStatus;
use crate::clock;
use crate::core::Core;
use crate::fields::{FieldLimits, Fields};
use crate::layer::event::Severity;
use crate::layer::span_data::{EventData, SpanData};
#[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
use crate::layer::with_data;
use crate::layer::{with_ancestors, with_slot};
use crate::propagation::TraceContext;

/// Marks how [`RecordError`] sees an error type. Never written by hand.
#[derive(Debug)]
pub struct Typed;
/// Marks how [`RecordError`] sees a boxed error. Never written by hand.
#[derive(Debug)]
pub struct Boxed;

/// Records the error of a `Result` on the current span and passes the result on.
///
/// ```
/// use throughline_toolkit::RecordError;
/// # fn load() -> Result<(), std::io::Error> { Ok(()) }
/// # fn run() -> Result<(), std::io::Error> {
/// load().record_error()?;
/// # Ok(()) }
/// ```
///
/// The span gets status ERROR with the error's message, `error.type`, and one exception. An error
/// that passes through several spans marks each of them but its exception is recorded only once,
/// on the innermost. Works on any [`std::error::Error`], on `Box<dyn Error + Send + Sync>` and on
/// `anyhow::Error`.
pub trait RecordError<Mark>: Sized {
    /// Records the error, if there is one, on the current span. `error.type` is the name of the
    /// error's type.
    #[must_use]
    fn record_error(self) -> Self;

    /// The same with an `error.type` of the caller's choice (few distinct values, such as
    /// `timeout`).
    #[must_use]
    fn record_error_as(self, error_type: &str) -> Self;
}

impl<T, E: Error + 'static> RecordError<Typed> for Result<T, E> {
    fn record_error(self) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error, type_name::<E>());
        }
        self
    }

    fn record_error_as(self, error_type: &str) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error, error_type);
        }
        self
    }
}

impl<T, E: AsRef<dyn Error + Send + Sync>> RecordError<Boxed> for Result<T, E> {
    fn record_error(self) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error.as_ref(), type_name::<E>());
        }
        self
    }

    fn record_error_as(self, error_type: &str) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error.as_ref(), error_type);
        }
        self
    }
}

/// Records an error on a span that need not be the current one.
///
/// `error_type` should have few distinct values; a path such as `ledger::Error` is used as it is.
pub fn record_error(span: &tracing::Span, error: &(dyn Error + 'static), error_type: &str) {
    // An error may do anything when it is asked for its text: not with the span locked.
    let exception = Exception::of(error);
    let fresh = with_slot(span, |slot, core| match &mut slot.data {
        Some(data) => record_on(data, core, &slot.cx, &exception, error_type),
        None => false,
    });
    if fresh == Some(true) {
        with_ancestors(span, |data| data.exception = Some(exception.fingerprint));
    }
}

/// An error as it is recorded.
pub(crate) struct Exception {
    message: String,
    fingerprint: u64,
}

impl Exception {
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        Self { message: full_message(error), fingerprint: fingerprint(&root_message(error)) }
    }
}

/// Records an error on a span; whether it is the first there.
pub(crate) fn record_on(
    data: &mut SpanData,
    core: &Core,
    cx: &TraceContext,
    exception: &Exception,
    error_type: &str,
) -> bool {
    let Exception { message, fingerprint } = exception;
    data.set_status(SpanStatus::Error(message.clone()));
    data.fields.set_str("error.type", error_type, core.settings.span_limits.fields);
    if data.exception == Some(*fingerprint) {
        return false;
    }
    data.exception = Some(*fingerprint);
    add_exception(data, core, message, Some(error_type), Some(cx));
    true
}

/// Marks an exception as recorded below the current span and all around it.
#[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
pub(crate) fn mark_current(exception: &Exception) {
    let current = tracing::Span::current();
    with_data(&current, |data, _| data.exception = Some(exception.fingerprint));
    with_ancestors(&current, |data| data.exception = Some(exception.fingerprint));
}

/// The error and its causes, outermost first.
fn full_message(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    for cause in causes(error) {
        let text = cause.to_string();
        // Some errors already print their source.
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
    }
    message
}

fn root_message(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    const DEPTH_MAX: usize = 16;
    std::iter::successors(error.source(), |&e| e.source()).take(DEPTH_MAX)
}

/// Tells exceptions apart well enough to record each only once.
pub(crate) fn fingerprint(message: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}

/// Adds the exception to the span, to the logs or to both, as
/// `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` says.
pub(crate) fn add_exception(
    data: &mut SpanData,
    core: &Core,
    message: &str,
    exception_type: Option<&str>,
    cx: Option<&TraceContext>,
) {
    let limits = core.settings.span_limits;
    let signal = core.settings.exceptions;
    let describe = |limits: FieldLimits| {
        let mut fields = Fields::default();
        if let Some(exception_type) = exception_type {
            fields.set_str("exception.type", exception_type, limits);
        }
        fields.set_str("exception.message", message, limits);
        fields
    };
    if signal.span_event {
        let fields = describe(limits.event_fields);
        let name = "exception".into();
        data.add_event(EventData { time_ns: clock::now_ns(), name, fields }, &limits);
    }
    if signal.log {
        let mut record = core.log_pool.get();
        record.time_ns = clock::now_ns();
        record.severity = Severity::Error;
        record.target = data.scope.clone();
        record.event_name = Some("exception");
        record.message.push_str(message);
        record.fields = describe(core.settings.log_limits);
        record.cx = cx.cloned();
        core.log(record);
    }
}

fn type_name<E: ?Sized>() -> &'static str {
    std::any::type_name::<E>()
}
