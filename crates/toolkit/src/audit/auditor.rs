//! The audit of one telemetry.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, Counter, Meter};
use parking_lot::Mutex;

use super::exceptions::{Exceptions, Place};
use super::finished::each_text;
use super::report::Book;
use super::{AuditReport, Rule, check, redact, suspect};
use crate::fields::ValueRef;
use crate::layer::event::LogData;
use crate::layer::span_data::{EventData, SpanData};
use crate::settings::ExceptionSignal;
use crate::{SpanKind, SpanStatus};

/// What the audit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuditSettings {
    /// Rules are checked.
    pub(crate) on: bool,
    /// Secrets are replaced.
    pub(crate) redact: bool,
    /// Longer spans violate [`Rule::SpanOpenTooLong`].
    pub(crate) open_limit: Duration,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { on: true, redact: false, open_limit: Duration::from_secs(300) }
    }
}

/// Checks what leaves, and counts.
#[derive(Debug)]
pub(crate) struct Auditor {
    settings: AuditSettings,
    /// Exceptions go out as events and as log records because that was asked for.
    both_signals: bool,
    violations: Counter<u64>,
    by_rule: [OnceLock<BoundCounter<u64>>; Rule::ALL.len()],
    book: Mutex<Book>,
    exceptions: Mutex<Exceptions>,
}

impl Auditor {
    /// `None` when there is nothing to do.
    pub(crate) fn new(settings: AuditSettings, exceptions: ExceptionSignal, meter: &Meter) -> Option<Self> {
        (settings.on || settings.redact).then(|| Self {
            settings,
            both_signals: exceptions.log && exceptions.span_event,
            violations: meter
                .u64_counter("throughline.audit.violations")
                .with_unit("{violation}")
                .with_description("Telemetry that violates a rule of the audit.")
                .build(),
            by_rule: std::array::from_fn(|_| OnceLock::new()),
            book: Mutex::default(),
            exceptions: Mutex::default(),
        })
    }

    /// What was found so far.
    pub(crate) fn report(&self) -> AuditReport {
        self.book.lock().report()
    }

    /// Counts a violation; `example` is made for the first of its kind only.
    pub(crate) fn count(&self, rule: Rule, subject: &str, example: impl FnOnce() -> String) {
        if !self.settings.on {
            return;
        }
        self.book.lock().add(rule, subject, 1, example);
        if let Some(slot) = Rule::ALL.iter().position(|r| *r == rule).and_then(|at| self.by_rule.get(at)) {
            slot.get_or_init(|| self.violations.bind(&[KeyValue::new("rule", rule.as_str())])).add(1);
        }
    }

    /// Checks a span that is about to leave, and takes its secrets out. On the export thread.
    pub(crate) fn span(&self, data: &mut SpanData) {
        if self.settings.on {
            self.book.lock().spans += 1;
            check(data, self.settings.open_limit, &mut |rule, how| self.breach(rule, data, &how));
            self.check_errors(data);
        }
        if self.settings.redact {
            redact::span(data);
        }
    }

    fn breach(&self, rule: Rule, data: &SpanData, how: &dyn std::fmt::Display) {
        let cx = &data.cx;
        self.count(rule, &data.name, || format!("{how} (trace {}, span {})", cx.trace_id, cx.span_id));
    }

    fn check_errors(&self, data: &SpanData) {
        let at = Place { trace: data.cx.trace_id, span: data.cx.span_id, parent: data.parent_id };
        let messages = data.events.iter().filter_map(exception_message);
        let mut exceptions = self.exceptions.lock();
        let repeated = exceptions.span_ended(at, messages);
        let known = data.exception.is_some() || exceptions.knows(at.trace);
        drop(exceptions);
        for _ in 0..repeated {
            self.breach(Rule::ExceptionRecordedTwice, data, &"on this span and on one below it, or twice");
        }
        let failed = matches!(data.status, SpanStatus::Error(_));
        if data.error_seen && !failed && data.exception.is_none() {
            self.breach(Rule::ErrorReturnedWithoutStatus, data, &"an error passed through it");
        }
        let status = data.fields.get("http.response.status_code");
        if data.kind == SpanKind::Server && matches!(status, Some(ValueRef::Int(500))) && !known {
            self.breach(Rule::ServerErrorWithoutException, data, &"no exception on it or below it");
        }
    }

    /// Checks a log record that is about to leave. On the export thread.
    pub(crate) fn log(&self, record: &LogData) {
        if !self.settings.on {
            return;
        }
        self.book.lock().logs += 1;
        let mut look = |key: &str, value: &str| {
            if let Some(secret) = suspect(key, value) {
                let say = || format!("`{key}` of a log record holds {secret}");
                self.count(Rule::AttributeLooksLikeSecret, &record.target, say);
            }
        };
        each_text(&record.fields, &mut look);
        look("message", &record.message);
        let (Some(message), Some(cx)) = (logged_exception(record), &record.cx) else { return };
        if !self.both_signals && self.exceptions.lock().logged(cx.trace_id, cx.span_id, message) {
            let say = || format!("on span {} of trace {} and in this log record", cx.span_id, cx.trace_id);
            self.count(Rule::ExceptionRecordedTwice, &record.target, say);
        }
    }

    /// Takes the secrets out of a log record, before its line is written.
    pub(crate) fn redact_log(&self, record: &mut LogData) {
        if self.settings.redact {
            redact::log(record);
        }
    }
}

fn exception_message(event: &EventData) -> Option<&str> {
    match event.fields.get("exception.message") {
        Some(ValueRef::Str(message)) if event.name == "exception" => Some(message),
        _ => None,
    }
}

/// The message of an exception that was recorded as a log record.
fn logged_exception(record: &LogData) -> Option<&str> {
    match record.fields.get("exception.message") {
        Some(ValueRef::Str(message)) => Some(message),
        _ => None,
    }
}
