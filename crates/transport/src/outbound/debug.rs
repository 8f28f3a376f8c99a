//! The `debug` exporter: shows what comes, through the log.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use throughline_model::{Attributes, BatchError, Resource, Scope, Signal, rows};
use throughline_pipeline::{Delivery, Refusal, Registry, Sink};

use super::client::Receipt;
use super::meters::Meters;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// A line a request.
    #[default]
    Basic,
    /// A line an item, too.
    Normal,
    /// Everything that an item has.
    Detailed,
}

/// The exporter `debug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebugSettings {
    /// How much is shown.
    pub verbosity: Verbosity,
    /// Requests shown before sampling begins.
    pub sampling_initial: u64,
    /// After that, one of so many requests is shown; 0 is none.
    pub sampling_thereafter: u64,
    /// Accepted: it always is.
    pub use_internal_logger: bool,
}

impl Default for DebugSettings {
    fn default() -> Self {
        Self {
            verbosity: Verbosity::Basic,
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
        }
    }
}

/// Items shown of one request.
const ITEMS_MAX: usize = 100;

/// A sink that shows deliveries and keeps nothing.
#[derive(Debug)]
pub struct DebugExporter {
    name: String,
    settings: DebugSettings,
    seen: AtomicU64,
    meters: Meters,
}

impl DebugExporter {
    /// An exporter under its name in the configuration.
    #[must_use]
    pub fn new(name: &str, settings: &DebugSettings, registry: &Registry) -> Self {
        let meters = Meters::new(name, registry);
        Self { name: name.to_owned(), settings: settings.clone(), seen: AtomicU64::new(0), meters }
    }

    fn is_sampled(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let DebugSettings { sampling_initial, sampling_thereafter, .. } = self.settings;
        seen < sampling_initial || (seen - sampling_initial).is_multiple_of(sampling_thereafter)
    }
}

#[async_trait]
impl Sink for DebugExporter {
    async fn accept(&self, delivery: Delivery) -> Result<(), Refusal> {
        self.meters.sent(delivery.signal, delivery.items(), &Receipt::default());
        if !self.is_sampled() {
            return Ok(());
        }
        let items = describe(&delivery, self.settings.verbosity);
        let items = items.map_err(|error| Refusal::internal(error.to_string()))?;
        tracing::info!(
            exporter = self.name,
            pipeline = &*delivery.pipeline,
            tenant = %delivery.tenant,
            items = delivery.items(),
            bytes = delivery.raw.len(),
            "{}{items}",
            delivery.signal
        );
        Ok(())
    }
}

/// The items as text, each on lines of its own.
fn describe(delivery: &Delivery, verbosity: Verbosity) -> Result<String, BatchError> {
    let mut text = String::new();
    if verbosity == Verbosity::Basic {
        return Ok(text);
    }
    let shown = delivery.batch.slice(0, delivery.batch.num_rows().min(ITEMS_MAX));
    let detailed = verbosity == Verbosity::Detailed;
    match delivery.signal {
        Signal::Traces => rows::spans(&shown)?.iter().for_each(|span| write_span(&mut text, span, detailed)),
        Signal::Logs => rows::logs(&shown)?.iter().for_each(|record| write_log(&mut text, record, detailed)),
        Signal::Metrics => {
            rows::points(&shown)?.iter().for_each(|point| write_point(&mut text, point, detailed))
        }
    }
    let hidden = delivery.batch.num_rows() - shown.num_rows();
    if hidden > 0 {
        line(&mut text, format_args!("... and {hidden} more"));
    }
    Ok(text)
}

fn write_span(text: &mut String, span: &rows::Span, detailed: bool) {
    line(text, format_args!("{} {} {}", span.name, span.trace_id, span.span_id));
    attributes(text, &span.attributes);
    if !detailed {
        return;
    }
    if let Some(parent) = span.parent_span_id {
        detail(text, format_args!("parent {parent}"));
    }
    detail(text, format_args!("kind {} status {} {}", span.kind, span.status_code, span.status_message));
    detail(text, format_args!("start {} duration {} ns", span.start_ns, span.duration_ns));
    for event in &span.events {
        detail(text, format_args!("event {} at {}", event.name, event.time_ns));
        attributes(text, &event.attributes);
    }
    for link in &span.links {
        detail(text, format_args!("link {} {}", link.trace_id, link.span_id));
        attributes(text, &link.attributes);
    }
    origin(text, &span.resource, &span.scope);
}

fn write_log(text: &mut String, record: &rows::LogRecord, detailed: bool) {
    let body = record.body.as_ref().map(throughline_model::Value::display).unwrap_or_default();
    line(text, format_args!("{} {body}", record.severity_text));
    attributes(text, &record.attributes);
    if !detailed {
        return;
    }
    let (time, observed, severity) = (record.time_ns, record.observed_ns, record.severity_number);
    detail(text, format_args!("time {time} observed {observed} severity {severity}"));
    if let (Some(trace_id), Some(span_id)) = (record.trace_id, record.span_id) {
        detail(text, format_args!("trace {trace_id} span {span_id}"));
    }
    origin(text, &record.resource, &record.scope);
}

fn write_point(text: &mut String, point: &rows::MetricPoint, detailed: bool) {
    line(text, format_args!("{} {:?}", point.name, point.data));
    attributes(text, &point.attributes);
    if !detailed {
        return;
    }
    let (unit, temporality, monotonic) = (&point.unit, point.temporality, point.monotonic);
    detail(text, format_args!("unit {unit:?} temporality {temporality} monotonic {monotonic}"));
    detail(
        text,
        format_args!("start {} time {} exemplars {}", point.start_ns, point.time_ns, point.exemplars.len()),
    );
    origin(text, &point.resource, &point.scope);
}

fn origin(text: &mut String, resource: &Resource, scope: &Scope) {
    detail(text, format_args!("resource {}", resource.to_json()));
    detail(text, format_args!("scope {}", scope.to_json()));
}

fn attributes(text: &mut String, attributes: &Attributes) {
    for (key, value) in attributes {
        // Writing to a string does not fail.
        let _ = write!(text, " {key}={}", value.display());
    }
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = write!(text, "\n  {what}");
}

fn detail(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = write!(text, "\n    {what}");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use throughline_model::{SpanBatchBuilder, SpanId, Tenant, TraceId};

    use super::*;

    fn delivery(spans: usize) -> Delivery {
        let mut builder = SpanBatchBuilder::new();
        for i in 0..spans {
            builder
                .push(&rows::Span {
                    trace_id: TraceId([1; 16]),
                    span_id: SpanId([2; 8]),
                    name: format!("op{i}"),
                    attributes: vec![("http.route".into(), "/a".into())],
                    ..rows::Span::default()
                })
                .unwrap();
        }
        Delivery {
            tenant: Tenant::default(),
            signal: Signal::Traces,
            encoding: 1,
            pipeline: "traces".into(),
            received_ns: 0,
            raw: Bytes::new(),
            batch: builder.finish().unwrap(),
        }
    }

    #[test]
    fn shows_as_much_as_asked() {
        let delivery = delivery(1);
        assert_eq!(describe(&delivery, Verbosity::Basic).unwrap(), "");
        let normal = describe(&delivery, Verbosity::Normal).unwrap();
        assert!(
            normal.contains("op0 01010101010101010101010101010101 0202020202020202 http.route=/a"),
            "{normal}"
        );
        assert!(!normal.contains("resource"));
        assert!(describe(&delivery, Verbosity::Detailed).unwrap().contains("resource {}"));
    }

    #[test]
    fn shows_a_bounded_number_of_items() {
        let text = describe(&delivery(ITEMS_MAX + 7), Verbosity::Normal).unwrap();
        assert!(text.ends_with("... and 7 more"));
        assert_eq!(text.lines().count(), 1 + ITEMS_MAX + 1);
    }

    #[test]
    fn samples_after_the_first_requests() {
        let settings =
            DebugSettings { sampling_initial: 2, sampling_thereafter: 3, ..DebugSettings::default() };
        let exporter = DebugExporter::new("debug", &settings, &Registry::default());
        let shown: Vec<bool> = (0..8).map(|_| exporter.is_sampled()).collect();
        assert_eq!(shown, [true, true, true, false, false, true, false, false]);
    }
}
