//! What a span costs the whole process, sent as OTLP over HTTP to a collector on this machine:
//! CPU time of all threads but the collector's, and bytes of the requests, uncompressed.
//!
//! The spans are those of the bench `spans`: a root with three attributes and a child with two.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use rustix::time::{ClockId, clock_gettime};
use throughline_toolkit::{Environment, Telemetry};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;

const ITERATIONS: u32 = 100_000;
const SPANS: u32 = 2 * ITERATIONS;

fn cpu_ns(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Takes requests on a thread of its own, whose CPU time it tells.
#[derive(Debug, Default)]
struct Collector {
    cpu_ns: AtomicI64,
    bytes: AtomicU64,
}

fn collector() -> (Arc<Collector>, String) {
    let state = Arc::new(Collector::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::clone(&state);
    let router = Router::new().fallback(move |body: Bytes| {
        seen.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        seen.cpu_ns.store(cpu_ns(ClockId::ThreadCPUTime), Ordering::Relaxed);
        async {}
    });
    let router = router.layer(axum::extract::DefaultBodyLimit::disable());
    std::thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await }));
    (state, address)
}

/// Runs `work`, which ends when all is sent, against a fresh collector.
fn measure(name: &str, work: impl FnOnce(&str)) {
    let (state, address) = collector();
    let before = cpu_ns(ClockId::ProcessCPUTime);
    work(&address);
    let spent = cpu_ns(ClockId::ProcessCPUTime) - before - state.cpu_ns.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    let (ns, bytes) = (spent as f64, state.bytes.load(Ordering::Relaxed) as f64);
    let spans = f64::from(SPANS);
    println!("{name:<28} {:>8.0} ns of process CPU a span {:>8.1} bytes a span", ns / spans, bytes / spans);
}

fn with_tracing() {
    let root = tracing::info_span!("root", user = "alice", n = black_box(7_i64), ok = true);
    let _root = root.enter();
    let child = tracing::info_span!("child", table = "users", rows = black_box(3_i64));
    let _child = child.enter();
    black_box(());
}

fn toolkit(address: &str) {
    let environment = Environment::from_pairs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", address),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1000000"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ]);
    let telemetry = Telemetry::builder().environment(environment).queue(1_000_000, 1 << 30).start().unwrap();
    tracing::dispatcher::with_default(telemetry.dispatch(), || {
        (0..ITERATIONS).for_each(|_| with_tracing());
    });
    let report = telemetry.shutdown_blocking(Duration::from_secs(60));
    assert_eq!(report.spans.exported, u64::from(SPANS), "{report}");
}

fn exporter(address: &str) -> SpanExporter {
    let builder = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    builder.with_endpoint(format!("{address}/v1/traces")).build().unwrap()
}

fn sdk(address: &str) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default().with_max_queue_size(1_000_000).build();
    let processor = BatchSpanProcessor::builder(exporter(address)).with_batch_config(config).build();
    SdkTracerProvider::builder().with_span_processor(processor).build()
}

fn raw(address: &str) {
    let provider = sdk(address);
    let tracer = provider.tracer("bench");
    for _ in 0..ITERATIONS {
        let mut root = tracer.start("root");
        opentelemetry::trace::Span::set_attribute(&mut root, KeyValue::new("user", "alice"));
        opentelemetry::trace::Span::set_attribute(&mut root, KeyValue::new("n", black_box(7_i64)));
        opentelemetry::trace::Span::set_attribute(&mut root, KeyValue::new("ok", true));
        let _root = Context::current_with_span(root).attach();
        let mut child = tracer.start("child");
        opentelemetry::trace::Span::set_attribute(&mut child, KeyValue::new("table", "users"));
        opentelemetry::trace::Span::set_attribute(&mut child, KeyValue::new("rows", black_box(3_i64)));
        let _child = Context::current_with_span(child).attach();
    }
    provider.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
}

fn bridged(address: &str) {
    let provider = sdk(address);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    tracing::dispatcher::with_default(&dispatch, || (0..ITERATIONS).for_each(|_| with_tracing()));
    provider.shutdown_with_timeout(Duration::from_secs(60)).unwrap();
}

fn fastrace(address: &str) {
    let resource = std::borrow::Cow::Owned(Resource::builder().build());
    let scope = InstrumentationScope::builder("bench").build();
    let reporter = fastrace_opentelemetry::OpenTelemetryReporter::new(exporter(address), resource, scope);
    fastrace::set_reporter(reporter, fastrace::collector::Config::default());
    for _ in 0..ITERATIONS {
        let context = fastrace::collector::SpanContext::random();
        let root = fastrace::Span::root("root", context)
            .with_properties(|| [("user", "alice".into()), ("n", number(7)), ("ok", "true".into())]);
        let _root = root.set_local_parent();
        let _child = fastrace::local::LocalSpan::enter_with_local_parent("child")
            .with_properties(|| [("table", "users".into()), ("rows", number(3))]);
    }
    fastrace::flush();
}

/// fastrace's values are text.
fn number(n: i64) -> std::borrow::Cow<'static, str> {
    black_box(n).to_string().into()
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for _ in 0..3 {
        measure("toolkit", toolkit);
        measure("OpenTelemetry API", raw);
        measure("tracing-opentelemetry", bridged);
        measure("fastrace", fastrace);
    }
}
