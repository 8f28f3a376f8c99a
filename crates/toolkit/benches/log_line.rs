//! What a JSON log line costs, alone and inside a span with ten fields of which three are
//! recorded late: ours, which keeps the fields, against `tracing-subscriber`'s JSON format, which
//! keeps them as text.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

mod cpu;

use std::hint::black_box;
use std::io;

use throughline_toolkit::{Environment, Telemetry};
use tracing::Dispatch;
use tracing::field::Empty;

fn line_alone() {
    tracing::info!(order = black_box(42_i64), "booked");
}

fn line_in_span() {
    let span = tracing::info_span!(
        "request",
        method = "GET",
        route = "/users/{id}",
        path = "/users/7",
        scheme = "http",
        host = "shop.example",
        port = 8443_i64,
        agent = "curl/8",
        user = Empty,
        status = Empty,
        bytes = Empty,
    );
    let _entered = span.enter();
    span.record("user", "alice");
    span.record("status", 200_i64);
    span.record("bytes", black_box(512_i64));
    tracing::info!(order = black_box(42_i64), "booked");
}

fn ours(sampler: &str) -> Telemetry {
    let environment = Environment::from_pairs([
        ("OTEL_TRACES_SAMPLER", sampler),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8192"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    let builder = Telemetry::builder().environment(environment);
    builder.log_to(|line| assert!(black_box(line.len()) > 0)).start().unwrap()
}

fn main() {
    if !cpu::asked() {
        return;
    }
    for (name, sampler) in [("sampled", "always_on"), ("sampled out", "parentbased_always_off")] {
        let telemetry = ours(sampler);
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            cpu::measure(&format!("toolkit, {name}, line alone"), 1, line_alone);
            cpu::measure(&format!("toolkit, {name}, span and line"), 1, line_in_span);
        });
    }
    let stock = tracing_subscriber::fmt().json().with_writer(io::sink).finish();
    tracing::dispatcher::with_default(&Dispatch::new(stock), || {
        cpu::measure("tracing-subscriber, line alone", 1, line_alone);
        cpu::measure("tracing-subscriber, span and line", 1, line_in_span);
    });
}
