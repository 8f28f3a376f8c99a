//! What a measurement costs the thread that takes it: with one reader of metrics (OTLP) and with
//! two (Prometheus as well), outside any span and inside a sampled one, where it leaves an exemplar.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

mod cpu;

use std::hint::black_box;
use std::time::Duration;

use opentelemetry::KeyValue;
use throughline_toolkit::{Environment, Telemetry};

fn telemetry(scraped: bool) -> Telemetry {
    let environment = Environment::from_pairs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"),
        ("OTEL_LOG_LEVEL", "none"),
    ]);
    let builder = Telemetry::builder().environment(environment).log_lines(false).prometheus(scraped);
    builder.start().unwrap()
}

fn main() {
    if !cpu::asked() {
        return;
    }
    for scraped in [false, true] {
        let telemetry = telemetry(scraped);
        let readers = if scraped { "two readers" } else { "one reader" };
        let meter = telemetry.meter("bench");
        let labels = [KeyValue::new("method", "GET"), KeyValue::new("route", "/users/{id}")];
        let counter = meter.u64_counter("orders").build();
        let (size, latency) =
            (meter.f64_histogram("size").build(), telemetry.duration_histogram("latency", "Latency."));
        let bound = size.bind(&labels);
        let measure = |place: &str| {
            cpu::measure(&format!("{readers}, {place}: counter"), 1, || counter.add(1, &labels));
            cpu::measure(&format!("{readers}, {place}: histogram"), 1, || {
                size.record(black_box(7.0), &labels);
            });
            cpu::measure(&format!("{readers}, {place}: bound histogram"), 1, || bound.record(black_box(7.0)));
            cpu::measure(&format!("{readers}, {place}: durations"), 1, || {
                latency.record(black_box(Duration::from_millis(3)), &labels);
            });
        };
        measure("no span");
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            tracing::info_span!("work").in_scope(|| measure("in a span"));
        });
    }
}
