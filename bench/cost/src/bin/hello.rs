//! A server that does next to nothing, instrumented in one of several ways, to be asked by a load
//! generator: what remains is the cost of the instrumentation.
#![allow(clippy::print_stdout, reason = "says where it listens")]

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use clap::{Parser, ValueEnum};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline_toolkit::http::server::TraceLayer;
use tokio::net::TcpListener;
use tower_otel::{metrics, trace};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How the server is instrumented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stack {
    /// Not at all.
    Bare,
    /// The toolkit: span, metrics, one JSON log line inside the span, all three exported.
    Toolkit,
    /// The same with tracing-opentelemetry, tower-otel, the log appender and tracing-subscriber's
    /// JSON lines.
    Usual,
}

#[derive(Debug, Parser)]
struct Cli {
    stack: Stack,
    /// Work of the handler, microseconds of CPU.
    #[arg(long, default_value_t = 0)]
    work_us: u64,
}

fn router(stack: Stack, work: Duration) -> Router {
    let hello = get(move || async move {
        busy(work);
        if stack != Stack::Bare {
            tracing::info!(order = 42, "booked");
        }
        "hello"
    });
    let router = Router::new().route("/hello/{name}", hello);
    match stack {
        Stack::Bare => router,
        Stack::Toolkit => router.layer(TraceLayer::new()),
        Stack::Usual => router
            .layer(metrics::HttpLayer::server(&opentelemetry::global::meter("hello")))
            .layer(trace::HttpLayer::server(tracing::Level::INFO)),
    }
}

/// Spends CPU time.
fn busy(work: Duration) {
    if work.is_zero() {
        return;
    }
    let end = std::time::Instant::now() + work;
    while std::time::Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// What a service sets up today without the toolkit.
fn usual() -> anyhow::Result<(SdkTracerProvider, SdkLoggerProvider, SdkMeterProvider)> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    let traces = SdkTracerProvider::builder().with_batch_exporter(spans).build();
    let records = opentelemetry_otlp::LogExporter::builder().with_http().build()?;
    let logs = SdkLoggerProvider::builder().with_batch_exporter(records).build();
    let points = opentelemetry_otlp::MetricExporter::builder().with_http().build()?;
    let metrics = SdkMeterProvider::builder().with_periodic_exporter(points).build();
    opentelemetry::global::set_tracer_provider(traces.clone());
    opentelemetry::global::set_meter_provider(metrics.clone());
    tracing_subscriber::registry()
        .with(tracing_subscriber::filter::LevelFilter::INFO)
        .with(tracing_opentelemetry::layer().with_tracer(traces.tracer("hello")))
        .with(OpenTelemetryTracingBridge::new(&logs))
        .with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr))
        .init();
    Ok((traces, logs, metrics))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let toolkit = match cli.stack {
        Stack::Toolkit => Some(throughline_toolkit::init("hello")?),
        _ => None,
    };
    let stock = match cli.stack {
        Stack::Usual => Some(usual()?),
        _ => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = router(cli.stack, Duration::from_micros(cli.work_us));
    axum::serve(listener, router).with_graceful_shutdown(throughline_toolkit::shutdown_signal()).await?;
    if let Some(telemetry) = toolkit {
        telemetry.shutdown(Duration::from_secs(5)).await.log();
    }
    if let Some((traces, logs, metrics)) = stock {
        traces.shutdown()?;
        logs.shutdown()?;
        metrics.shutdown()?;
    }
    Ok(())
}
