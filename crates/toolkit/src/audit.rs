//! Rules about telemetry, checked as it is made: spans that hide errors, names that no one can
//! group by, secrets that leave the process.
//!
//! With the feature `audit` every telemetry counts violations, unless
//! [`crate::TelemetryBuilder::audit`] turns it off: by rule in the metric
//! `throughline.audit.violations{rule}`, and by rule and span name in [`crate::Telemetry::audit`].
//!
//! ```
//! use throughline_toolkit::audit::{Observe, Rule};
//! use throughline_toolkit::testing::Sink;
//! # fn save() -> Result<(), std::io::Error> { Err(std::io::Error::other("disk")) }
//!
//! let sink = Sink::start();
//! let ledger = sink.telemetry("ledger");
//! tracing::dispatcher::with_default(ledger.dispatch(), || {
//!     let _entry = tracing::info_span!("book entry 4711").entered();
//!     drop(save().observed()); // the error is seen, but nobody recorded it
//! });
//! let report = sink.audit();
//! assert_eq!(report.count(Rule::SpanNameWithId), 1);
//! assert_eq!(report.count(Rule::ErrorReturnedWithoutStatus), 1);
//! // A test of a service says instead: sink.audit().assert_clean();
//! ```
//!
//! # The rules
//!
//! | rule | is violated by |
//! | --- | --- |
//! | `error_returned_without_status` | an error that [`observe`] saw under a span that ended with neither status ERROR nor an exception |
//! | `server_error_without_exception` | a SERVER span that answered 500 while no exception was recorded on it or below it in this process |
//! | `http_5xx_without_error_type` | `http.response.status_code` of 500 or more without `error.type` |
//! | `error_status_without_error_type` | status ERROR without `error.type` |
//! | `message_consumed_without_context` | a message that came without trace context (NATS, Kafka) |
//! | `exception_recorded_twice` | one exception recorded twice on a span, on a span and one above it, or as an event and as a log record; not when `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs/dup` asks for both |
//! | `attribute_looks_like_secret` | a text attribute of a span, event, link or log record, a status or a log message with a key or a value like a secret's |
//! | `server_span_without_route` | a SERVER span of HTTP without `http.route`, unless it answered 404 or 405 |
//! | `span_name_with_id` | digits, a UUID or a long hexadecimal number in a span's name |
//! | `span_open_too_long` | a span that took longer than [`crate::TelemetryBuilder::audit_span_limit`] (five minutes) |
//!
//! # What can be seen
//!
//! The rules look at recorded spans after their end: those that sampling leaves out, those that
//! a full queue drops and those that never end are not checked ([`crate::ShutdownReport`] counts
//! the latter two).
//!
//! That a function returned an error is seen only where the toolkit has the `Result` in hand. Its
//! own boundaries (HTTP, gRPC, SQL, messaging) record such errors themselves; so does
//! `#[tracing::instrument(err)]`, but whether a function should have it cannot be told. Elsewhere
//! [`Observe::observed`] marks the places.
//!
//! # Secrets
//!
//! Keys like `password`, `authorization`, `api_key`, `set-cookie` make any text suspect; keys
//! like `token` or `session` only text that looks random. JSON web tokens, bearer tokens, private
//! keys, keys of clouds and passwords in addresses are known by themselves. A report names the
//! key, never the value. [`crate::TelemetryBuilder::redact_secrets`] replaces what is found with
//! `REDACTED` before it leaves the process. Attributes of metrics and of the resource, baggage
//! and names are not looked at.
//!
//! # Cost
//!
//! Everything runs on the export thread, about 0.1 us a span (bench `audit`). A service's own
//! threads pay nothing but for a message without context, an error that was observed, and, with
//! redaction on, one look at each log record before its line is written.

mod auditor;
mod exceptions;
mod finished;
mod redact;
mod report;
mod rule;
mod secrets;
mod span_name;
mod span_rules;

pub use report::{AuditReport, Violation};
pub use rule::Rule;

pub(crate) use auditor::{AuditSettings, Auditor};
#[cfg(feature = "testing")]
pub(crate) use report::Book;
pub(crate) use secrets::suspect;
pub(crate) use span_rules::{Audited, check};

#[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
use crate::core::Core;
use crate::layer;

/// Notes an error that passes through the current span. Unless the span has status ERROR or an
/// exception when it ends, that is a violation of [`Rule::ErrorReturnedWithoutStatus`].
pub fn observe<T, E>(result: &Result<T, E>) {
    if result.is_err() {
        layer::with_data(&tracing::Span::current(), |data, _| data.error_seen = true);
    }
}

/// [`observe`] in the middle of an expression.
pub trait Observe: Sized {
    /// Notes the error, if there is one, and passes the result on.
    #[must_use]
    fn observed(self) -> Self;
}

impl<T, E> Observe for Result<T, E> {
    fn observed(self) -> Self {
        observe(&self);
        self
    }
}

/// A message came without trace context from `destination`, shown as in span names.
#[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
pub(crate) fn message_without_context(core: &Core, system: &str, destination: &str) {
    if let Some(auditor) = &core.auditor {
        let say = || format!("a message of {system} came without trace context");
        auditor.count(Rule::MessageConsumedWithoutContext, destination, say);
    }
}

#[cfg(all(test, any(feature = "nats", feature = "kafka", feature = "outbox")))]
mod tests {
    use super::*;
    use crate::layer::TelemetryLayer;
    use crate::{Environment, Telemetry};

    #[test]
    fn messages_without_context_are_counted_by_destination() {
        let environment = Environment::from_pairs([("OTEL_TRACES_EXPORTER", "none")]);
        let telemetry = Telemetry::builder().log_lines(false).environment(environment).start().unwrap();
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            let core = TelemetryLayer::current().unwrap();
            message_without_context(&core, "nats", "chat.room");
            message_without_context(&core, "nats", "chat.room");
            message_without_context(&core, "kafka", "ledger.entry.v1");
        });
        let report = telemetry.audit();
        let found: Vec<_> = report.violations.iter().map(|v| (v.rule, v.subject.as_str(), v.count)).collect();
        let rule = Rule::MessageConsumedWithoutContext;
        assert_eq!(found, [(rule, "chat.room", 2), (rule, "ledger.entry.v1", 1)]);
    }
}
