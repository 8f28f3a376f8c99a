//! Telemetry in a service's own tests: a collector in the process, and claims about what it got.
//!
//! A [`Sink`] takes OTLP over HTTP (protobuf and JSON) and gRPC on one loopback port. What it
//! received is read as spans, traces, metrics and log records, and claimed about in sentences;
//! a claim that does not hold panics with the whole trace drawn as a tree.
//!
//! ```
//! use throughline_toolkit::testing::Sink;
//! use tracing::info_span;
//!
//! let sink = Sink::start();
//! let ledger = sink.telemetry("ledger");
//! tracing::dispatcher::with_default(ledger.dispatch(), || {
//!     let _request = info_span!("POST /v1/entries", otel.kind = "server").entered();
//!     let _query = info_span!("INSERT entries", otel.kind = "client", rows = 2).entered();
//! });
//!
//! let trace = sink.trace_of("POST /v1/entries");
//! trace.span("INSERT entries").is_client().child_of("POST /v1/entries").has("rows", 2).ended_ok();
//! trace.has_no_orphans().services(["ledger"]).reads("
//!     POST /v1/entries [server ledger]
//!       INSERT entries [client]
//! ");
//! ```
//!
//! # Waiting
//!
//! Nothing here sleeps for a fixed time. A look-up first makes every telemetry of
//! [`Sink::telemetry`] send what it has, then waits until what is asked for has arrived, at most
//! ten seconds ([`Sink::waiting_at_most`]). Claims about one span that has arrived fail at once.
//!
//! These waits block the thread. Under a current-thread runtime the tasks of the test do not run
//! meanwhile: `.await` [`Sink::until`] first when they have spans still to end.
//!
//! # Other processes
//!
//! A service in another process sends here when it is given [`Sink::variables`] as its
//! environment.
//!
//! # Faults
//!
//! [`Sink::start_with`] and [`Sink::behave`] make it hang, refuse, reject, or break off: see
//! [`Behaviour`].
#![expect(clippy::panic, reason = "a test fails by a panic, and only tests are served here")]

#[cfg(feature = "audit")]
mod audit;
mod behaviour;
mod difference;
mod log;
mod metric;
mod server;
mod shown;
mod sink;
mod span;
mod store;
mod trace;
mod trace_span;
mod value;

pub use behaviour::Behaviour;
pub use log::Log;
pub use metric::{Exemplar, Metric, Point};
pub use shown::Shown;
pub use sink::Sink;
pub use span::{Event, Link, Span};
pub use store::Request;
pub use trace::Trace;
pub use trace_span::TraceSpan;
pub use value::Value;

/// The messages of OTLP, as [`Span::otlp`], [`Metric::otlp`] and [`Log::otlp`] hold them.
pub use opentelemetry_proto::tonic as otlp;
