//! The ways to make the spans that are measured, as each library wants it: a root span with three
//! attributes and a child with two, entered and left. Nobody listens at the other end.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrace::collector::{Reporter, SpanRecord};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use throughline_toolkit::{Environment, Telemetry};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

/// Spans of an iteration.
pub(crate) const SPANS: u32 = 2;

/// Iterations between two flushes: every queue holds them, so that what is measured is the cost of
/// spans that are kept.
pub(crate) const RUN: u32 = 1_000;

/// An exporter that drops, and counts what it is given.
#[derive(Debug, Default, Clone)]
pub(crate) struct Nowhere(Arc<AtomicU64>);

impl Nowhere {
    #[allow(dead_code, reason = "not every bench counts what was kept")]
    pub(crate) fn given(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl SpanExporter for Nowhere {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(black_box(batch).len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Reporter for Nowhere {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans);
    }
}

/// Ours: spans are recorded, queued, encoded and given up.
pub(crate) fn ours(sampler: &str) -> Telemetry {
    let environment = Environment::from_pairs([
        ("OTEL_TRACES_SAMPLER", sampler),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    Telemetry::builder().environment(environment).log_lines(false).start().unwrap()
}

pub(crate) fn with_tracing() {
    let root = tracing::info_span!("root", user = "alice", n = black_box(7_i64), ok = true);
    let _root = root.enter();
    let child = tracing::info_span!("child", table = "users", rows = black_box(3_i64));
    let _child = child.enter();
    black_box(());
}

pub(crate) fn with_sdk<S: opentelemetry::trace::Span + Send + Sync + 'static>(
    tracer: &impl Tracer<Span = S>,
) {
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

pub(crate) fn with_fastrace(sampled: bool) {
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

/// The SDK, with room for all spans between two flushes.
pub(crate) fn sdk(sampler: Sampler, exporter: Nowhere) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(2 * RUN as usize * SPANS as usize)
        .with_scheduled_delay(Duration::from_millis(1))
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    SdkTracerProvider::builder().with_span_processor(processor).with_sampler(sampler).build()
}

/// `tracing-opentelemetry` as it comes, and with what can be left out left out.
pub(crate) fn bridged(provider: &SdkTracerProvider, lean: bool) -> Dispatch {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let layer = if lean {
        layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false)
    } else {
        layer
    };
    Dispatch::new(tracing_subscriber::registry().with(layer))
}
