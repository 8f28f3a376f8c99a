//! What a span costs the thread that makes it: the toolkit, the OpenTelemetry API with the SDK's
//! batch processor, `tracing-opentelemetry`, fastrace, and `tracing` alone; sampled and not.
//!
//! An iteration is a root span with three attributes and a child with two, entered and left; the
//! figures are for one span, half of it. Time is CPU time of the thread, so that a busy machine
//! does not blur the ratios; the least of many blocks is the figure to compare. Allocations are
//! those of the same thread. Nobody listens at the other end: what is exported is dropped.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

#[path = "../../../crates/toolkit/benches/cpu.rs"]
mod cpu;

use std::hint::black_box;
use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanRecord};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use throughline_toolkit::{Environment, Telemetry};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

/// An exporter that drops, for the SDK's side.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

impl Reporter for Nowhere {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans);
    }
}

/// Ours: spans are recorded, queued, encoded and given up.
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

fn with_fastrace(sampled: bool) {
    let context = fastrace::collector::SpanContext::random().sampled(sampled);
    let root = fastrace::Span::root("root", context)
        .with_properties(|| [("user", "alice".into()), ("n", number(7)), ("ok", "true".into())]);
    let _root = root.set_local_parent();
    let _child = fastrace::local::LocalSpan::enter_with_local_parent("child")
        .with_properties(|| [("table", "users".into()), ("rows", number(3))]);
    black_box(());
}

/// fastrace's values are text.
fn number(n: i64) -> std::borrow::Cow<'static, str> {
    black_box(n).to_string().into()
}

fn sdk(sampler: Sampler) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(8192)
        .with_scheduled_delay(Duration::from_millis(1))
        .build();
    let processor = BatchSpanProcessor::builder(Nowhere).with_batch_config(config).build();
    SdkTracerProvider::builder().with_span_processor(processor).with_sampler(sampler).build()
}

/// `tracing-opentelemetry` as it comes, and with what can be left out left out.
fn bridged(provider: &SdkTracerProvider, lean: bool) -> Dispatch {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let layer = if lean {
        layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false)
    } else {
        layer
    };
    Dispatch::new(tracing_subscriber::registry().with(layer))
}

/// Time first, then allocations; only what the command line names, when it names something.
fn measure(name: &str, mut work: impl FnMut()) {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
        return;
    }
    cpu::measure(name, 2, &mut work);
    let allocated = allocation_counter::measure(|| (0..1_000).for_each(|_| work()));
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let (count, bytes) = (allocated.count_total as f64 / 2e3, allocated.bytes_total as f64 / 2e3);
    println!("{:44} {count:>9.2} allocations {bytes:>9.0} bytes", "");
}

fn main() {
    if !cpu::asked() {
        return;
    }
    measure("tracing, no subscriber", with_tracing);
    let registry = Dispatch::new(tracing_subscriber::registry());
    tracing::dispatcher::with_default(&registry, || measure("tracing, registry only", with_tracing));
    fastrace::set_reporter(Nowhere, Config::default());
    let off = || Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    for round in 1..=3 {
        println!("round {round}");
        for (name, sampler) in [("sampled", "always_on"), ("sampled out", "parentbased_always_off")] {
            let telemetry = ours(sampler);
            tracing::dispatcher::with_default(telemetry.dispatch(), || {
                measure(&format!("toolkit, {name}"), with_tracing);
            });
        }
        for (name, sampler) in [("sampled", Sampler::AlwaysOn), ("sampled out", off())] {
            let provider = sdk(sampler);
            let tracer = provider.tracer("bench");
            measure(&format!("OpenTelemetry API, {name}"), || with_sdk(&tracer));
            for (shape, lean) in [("", false), (" lean", true)] {
                tracing::dispatcher::with_default(&bridged(&provider, lean), || {
                    measure(&format!("tracing-opentelemetry{shape}, {name}"), with_tracing);
                });
            }
        }
        for (name, sampled) in [("sampled", true), ("sampled out", false)] {
            measure(&format!("fastrace, {name}"), || with_fastrace(sampled));
        }
    }
}
