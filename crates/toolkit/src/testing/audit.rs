//! The audit of everything that a sink received.

use std::time::Duration;

use super::otlp::resource::v1::Resource;
use super::span::text_of;
use super::store::Arrived;
use super::{Log, Metric, Sink, Span, Value};
use crate::audit::{AuditReport, AuditSettings, Audited, Book, Rule, check, suspect};
use crate::core::Core;
use crate::{SpanKind, SpanStatus};

impl Sink {
    /// What the [audit](crate::audit) has to say about all that was received.
    ///
    /// Spans and log records are checked here, whoever sent them. What only the process of a span
    /// can know is taken from the telemetry of [`Sink::telemetry`] and from the metric
    /// `throughline.audit.violations` of other processes.
    #[must_use]
    pub fn audit(&self) -> AuditReport {
        let arrived = self.arrived();
        let mut book = Book::default();
        arrived.spans.iter().for_each(|span| check_span(&mut book, span));
        arrived.logs.iter().for_each(|log| check_log(&mut book, log));
        let cores = self.cores();
        for found in cores.iter().filter_map(|core| core.auditor.as_ref()).flat_map(|a| a.report().violations)
        {
            if !found.rule.shows_on_spans() {
                book.add(found.rule, &found.subject, found.count, || found.example.clone());
            }
        }
        let here: Vec<String> = cores.iter().map(|core| instance_of(core)).collect();
        take_counts(&mut book, &arrived, &here);
        book.report()
    }
}

impl AuditReport {
    /// Ends the test unless nothing was found.
    ///
    /// # Panics
    /// When a rule was violated, with a table of the violations.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.is_clean(), "the audit found:\n{self}");
    }
}

fn check_span(book: &mut Book, span: &Span) {
    book.spans += 1;
    let limit = AuditSettings::default().open_limit;
    check(span, limit, &mut |rule, how| {
        let say = || format!("{how} (trace {}, span {})", span.trace_id(), span.span_id());
        book.add(rule, span.name(), 1, say);
    });
}

fn check_log(book: &mut Book, log: &Log) {
    book.logs += 1;
    let body = ("message", Value::Text(log.body()));
    for (key, value) in log.attributes().chain([body]) {
        each_text(&value, &mut |text| {
            if let Some(secret) = suspect(key, text) {
                let say = || format!("`{key}` of a log record holds {secret}");
                book.add(Rule::AttributeLooksLikeSecret, log.scope(), 1, say);
            }
        });
    }
}

/// The rules that other processes counted themselves.
fn take_counts(book: &mut Book, arrived: &Arrived, here: &[String]) {
    let Some(metric) = Metric::latest(&arrived.metrics, "throughline.audit.violations") else { return };
    for point in metric.points() {
        let rule = point.attribute("rule").and_then(|name| Rule::parse(name.as_str()?));
        let Some(rule) = rule.filter(|rule| !rule.shows_on_spans()) else { continue };
        if here.iter().any(|instance| instance == instance_id(point.resource())) {
            continue;
        }
        let say = || "counted by the service itself".to_owned();
        book.add(rule, point.service(), point.whole(), say);
    }
}

fn instance_of(core: &Core) -> String {
    let instance = core.settings.resource.iter().find(|a| a.key.as_str() == "service.instance.id");
    instance.map(|attribute| attribute.value.as_str().into_owned()).unwrap_or_default()
}

fn instance_id(resource: &Resource) -> &str {
    text_of(resource, "service.instance.id")
}

fn each_text(value: &Value, f: &mut dyn FnMut(&str)) {
    match value {
        Value::Text(text) => f(text),
        Value::List(list) => list.iter().for_each(|value| each_text(value, f)),
        _ => {}
    }
}

impl Audited for Span {
    fn name(&self) -> &str {
        self.name()
    }

    fn kind(&self) -> SpanKind {
        self.kind()
    }

    fn is_error(&self) -> bool {
        self.is_error()
    }

    fn duration(&self) -> Duration {
        self.duration()
    }

    fn has(&self, key: &str) -> bool {
        self.attribute(key).is_some()
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.attribute(key)?.as_i64()
    }

    fn each_text(&self, f: &mut dyn FnMut(&str, &str)) {
        let span = self.otlp();
        let events = span.events.iter().map(|event| &event.attributes);
        let links = span.links.iter().map(|link| &link.attributes);
        for (key, value) in
            std::iter::once(&span.attributes).chain(events).chain(links).flat_map(|a| Value::all(a))
        {
            each_text(&value, &mut |text| f(key, text));
        }
        if let SpanStatus::Error(message) = self.status() {
            f("otel.status_description", &message);
        }
    }
}
