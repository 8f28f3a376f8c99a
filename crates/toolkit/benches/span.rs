//! What a span costs the thread that makes it: ours, sampled and not, against the raw
//! OpenTelemetry API with the SDK's batch processor, and against `tracing` alone.
//!
//! An iteration is a root span with three attributes and a child with two, entered and left, as in
//! the project's other measurements; the figures are for one span, half of it. Time is CPU time of
//! the thread, so that a busy machine does not blur the ratios; the minimum over many blocks is
//! the figure to compare.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

mod cpu;

use std::hint::black_box;
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use throughline_toolkit::{Environment, Telemetry};
use tracing::Dispatch;

/// An exporter that drops, for the SDK's side.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

/// Ours, with nobody listening: spans are recorded, queued, encoded and given up.
fn ours(sampler: &str) -> Telemetry {
    let environment = Environment::from_pairs([
        ("OTEL_TRACES_SAMPLER", sampler),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8192"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    Telemetry::builder().environment(environment).log_lines(false).start().unwrap()
}

fn with_tracing() {
    let root = tracing::info_span!("root", user = "alice", n = black_box(7_i64), ok = true);
    let _root = root.enter();
    let child = tracing::info_span!("child", table = "users", rows = black_box(3_i64));
    let _child = child.enter();
    black_box(());
}

fn with_sdk<S: opentelemetry::trace::Span + Send + Sync + 'static>(tracer: &impl Tracer<Span = S>) {
    let mut root = tracer.start("root");
    root.set_attribute(KeyValue::new("user", "alice"));
    root.set_attribute(KeyValue::new("n", black_box(7_i64)));
    root.set_attribute(KeyValue::new("ok", true));
    let _root = Context::current_with_span(root).attach();
    let mut child = tracer.start("child");
    child.set_attribute(KeyValue::new("table", "users"));
    child.set_attribute(KeyValue::new("rows", black_box(3_i64)));
    let _child = Context::current_with_span(child).attach();
    black_box(());
}

fn sdk(sampler: Sampler) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(8192)
        .with_scheduled_delay(Duration::from_millis(1))
        .build();
    let processor = BatchSpanProcessor::builder(Nowhere).with_batch_config(config).build();
    SdkTracerProvider::builder().with_span_processor(processor).with_sampler(sampler).build()
}

fn main() {
    if !cpu::asked() {
        return;
    }
    cpu::measure("tracing, no subscriber", 2, with_tracing);
    let registry = Dispatch::new(tracing_subscriber::registry());
    tracing::dispatcher::with_default(&registry, || {
        cpu::measure("tracing, registry only", 2, with_tracing);
    });
    let off = || Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    for round in 1..=3 {
        for (name, sampler) in [("sampled", "always_on"), ("sampled out", "parentbased_always_off")] {
            let telemetry = ours(sampler);
            tracing::dispatcher::with_default(telemetry.dispatch(), || {
                cpu::measure(&format!("toolkit, {name} (round {round})"), 2, with_tracing);
            });
        }
        for (name, sampler) in [("sampled", Sampler::AlwaysOn), ("sampled out", off())] {
            let provider = sdk(sampler);
            let tracer = provider.tracer("bench");
            cpu::measure(&format!("raw API, {name} (round {round})"), 2, || with_sdk(&tracer));
        }
    }
}
