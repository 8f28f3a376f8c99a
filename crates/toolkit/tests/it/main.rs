//! The toolkit against an in-process collector that can misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

#[cfg(feature = "audit")]
mod audit;
mod collector;
mod failure;
#[cfg(feature = "tonic")]
mod grpc;
mod http_client;
mod http_server;
#[cfg(all(feature = "rdkafka", feature = "krafka"))]
mod kafka;
mod logs;
mod metrics;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "outbox")]
mod outbox;
#[cfg(feature = "process")]
mod process;
#[cfg(feature = "prometheus")]
mod prometheus;
mod protocols;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "runtime")]
mod runtime_metrics;
mod runtimes;
#[cfg(any(feature = "nats", feature = "redis", feature = "rdkafka", feature = "sqlx"))]
mod services;
mod sink;
mod spans;
mod sql;
#[cfg(feature = "sqlx")]
mod sql_pool;
mod tls;

use std::sync::LazyLock;
use std::time::Duration;

use throughline_toolkit::{Environment, Telemetry, TelemetryBuilder};
use tracing::Dispatch;

/// Long enough for a loaded machine.
const LIMIT: Duration = Duration::from_secs(20);

/// Telemetry that sends to `address`, with more variables on top.
fn telemetry(address: &str, variables: &[(&str, &str)]) -> Telemetry {
    let mut pairs = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), address.to_owned()),
        ("OTEL_METRIC_EXPORT_INTERVAL".to_owned(), "3600000".to_owned()),
    ];
    pairs.extend(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    keep_other_subscribers();
    let builder = Telemetry::builder().service("under-test").log_lines(false);
    quiet(builder).environment(Environment::from_pairs(pairs)).start().unwrap()
}

/// While there is only one subscriber, `tracing` takes the absence of any on the thread where a span
/// or a log line is reached first for everybody's: two more keep it from that.
fn keep_other_subscribers() {
    static OTHERS: LazyLock<[Dispatch; 2]> =
        LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::Registry::default())));
    LazyLock::force(&OTHERS);
}

/// Without the metrics that are made all by themselves.
fn quiet(builder: TelemetryBuilder) -> TelemetryBuilder {
    #[cfg(feature = "runtime")]
    let builder = builder.runtime_metrics(false);
    #[cfg(feature = "process")]
    let builder = builder.process_metrics(false);
    builder
}

/// Runs `f` with this telemetry's subscriber.
fn within<R>(telemetry: &Telemetry, f: impl FnOnce() -> R) -> R {
    tracing::dispatcher::with_default(telemetry.dispatch(), f)
}
