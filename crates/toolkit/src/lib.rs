//! Instruments Rust services: traces, metrics and logs over OTLP from one call.
//!
//! ```no_run
//! use std::time::Duration;
//! use throughline_toolkit::{self as toolkit, http::server::TraceLayer};
//!
//! # async fn serve(_: axum::Router) {}
//! #[tokio::main]
//! async fn main() -> Result<(), toolkit::InitError> {
//!     let telemetry = toolkit::init("ledger")?; // every OTEL_* variable is honoured
//!     let app = axum::Router::new()
//!         .route("/transfers", axum::routing::post(|| async { "booked" }))
//!         .layer(TraceLayer::new().skip_paths(["/health"]));
//!     serve(app).await; // .with_graceful_shutdown(toolkit::shutdown_signal())
//!     telemetry.shutdown(Duration::from_secs(5)).await.log();
//!     Ok(())
//! }
//! ```
//!
//! # The parts
//!
//! | need | use |
//! | --- | --- |
//! | start and stop | [`init`], [`Telemetry`], [`shutdown_signal`], [`ShutdownReport`] |
//! | spans and logs | the `tracing` macros; [`SpanExt`] for kind, status, links, events |
//! | errors | [`RecordError`] |
//! | HTTP server, client | [`http::server::TraceLayer`], [`http::client::TracedClient`] |
//! | SQL | [`db::Query`]; with sqlx [`db::TracedPool`] |
//! | gRPC server, client | [`grpc::server::TraceLayer`], [`grpc::client::TraceLayer`] |
//! | Redis | [`redis::TracedConnection`] |
//! | NATS, JetStream | [`nats::connect`], [`nats::TracedClient`], [`nats::jetstream`] |
//! | Kafka | [`kafka::rdkafka`], [`kafka::krafka`] |
//! | messages that are sent if and only if a transaction commits | [`outbox`] |
//! | context in any carrier | [`propagation`] |
//! | metrics | [`Telemetry::meter`] or `opentelemetry::global::meter`; [`DurationHistogram`] |
//! | `/metrics`; tokio and the process | [`prometheus::route`]; [`runtime`], [`process`]: by themselves |
//! | rules about telemetry; tests | [`audit`]; [`testing::Sink`] |
//!
//! Each boundary is a feature; the README has the table.
//!
//! # What it promises
//!
//! Nothing here panics or blocks a service, whatever the collector does: queues are bounded in
//! items and bytes, the exporter has a thread and a runtime of its own, retries back off, and what
//! is lost is counted with a reason and reported by [`Telemetry::shutdown`].
//!
//! A span is made by any `tracing` span at level INFO or below. Fields named `otel.kind`,
//! `otel.name`, `otel.status_code` and `otel.status_message` set the span's own properties; all others become
//! typed attributes. A `tracing` event becomes one JSON line on stderr and one OTLP log record,
//! both carrying `trace_id` and `span_id`.

// The core's parts serve several boundaries. With all of them on nothing may be dead, and CI has them on.
#![cfg_attr(
    not(all(
        feature = "axum",
        feature = "tonic",
        feature = "redis",
        feature = "nats",
        feature = "rdkafka",
        feature = "outbox"
    )),
    allow(dead_code, reason = "what only some boundaries use")
)]

mod api_span;
mod builder;
mod clock;
mod core;
mod diagnostics;
mod error;
mod export;
mod fields;
mod ids;
mod json_log;
mod layer;
mod metrics;
mod queue;
mod record_error;
mod report;
mod sampler;
mod settings;
mod signal;
mod span_ext;
mod telemetry;

pub mod db;
#[cfg(any(feature = "axum", feature = "reqwest"))]
pub mod http;
pub mod propagation;

#[cfg(feature = "audit")]
pub mod audit;
#[cfg(feature = "tonic")]
pub mod grpc;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
mod messaging;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "outbox")]
pub mod outbox;
#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "runtime")]
pub mod runtime;
#[cfg(feature = "testing")]
pub mod testing;

pub use api_span::{ApiSpan, ApiTracer, ApiTracerProvider};
pub use builder::TelemetryBuilder;
pub use error::{ErrorKind, InitError};
pub use layer::TelemetryLayer;
pub use metrics::DurationHistogram;
pub use record_error::{RecordError, record_error};
pub use report::{DropReason, ShutdownReport, SignalReport};
pub use settings::{Environment, TracingConfig};
pub use signal::shutdown_signal;
pub use span_ext::{SpanExt, SpanKind, SpanStatus};
pub use telemetry::{Telemetry, init};

/// The one OpenTelemetry API version this toolkit is built on.
pub use opentelemetry;
/// The `tracing` API, whose macros make spans and log records.
pub use tracing;
