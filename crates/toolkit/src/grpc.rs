//! gRPC: a span for each call, on both sides, its duration measured. For [`tonic`].
//!
//! ```no_run
//! use throughline_toolkit::grpc;
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let server = tonic::transport::Server::builder()
//!     .layer(grpc::server::TraceLayer::new().skip_methods(grpc::HOUSEKEEPING));
//!
//! let address = "http://ledger:50051";
//! let channel = tonic::transport::Channel::from_static(address).connect_lazy();
//! let channel = tower::ServiceBuilder::new()
//!     .layer(grpc::client::TraceLayer::new(address))
//!     .service(channel);
//! // let client = LedgerClient::new(channel);
//! # Ok(()) }
//! ```
//!
//! # What a span says
//!
//! Semantic conventions 1.44 for gRPC (release candidate). The span is named for the method,
//! `ledger.v1.Ledger/Transfer`. The context travels in the metadata. A span lasts until the answer
//! has ended, whatever kind of streams the call has, and has the status that the trailers (or the
//! headers, when the answer is nothing else) carry.
//!
//! - `rpc.response.status_code` is `OK`, `NOT_FOUND` and so on. The client's span is an error for
//!   all but `OK`; the server's only for `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`,
//!   `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`. `error.type` is the same code.
//! - A call whose caller went away has the status `CANCELLED` and an event `cancelled`, and is no
//!   error. When the deadline that the call came with (`grpc-timeout`) has passed by then, it is
//!   `DEADLINE_EXCEEDED`, which tonic calls cancelled as well; the server takes the last tenth of
//!   that time for passed, because the caller's clock started earlier. A limit that was only set by
//!   `Server::timeout` cannot be told from a caller that went away.
//! - A call that the server answers with `UNIMPLEMENTED` has the method `_OTHER` and the name
//!   `grpc`, so that callers cannot invent names; `rpc.method_original` has what they asked for.
//!
//! # What is measured
//!
//! `rpc.server.call.duration` and `rpc.client.call.duration`, by method and status, and
//! `throughline.rpc.server.active_calls`, for which the conventions have no name.

mod body;
mod call;
pub mod client;
mod code;
pub(crate) mod instruments;
mod method;
mod names;
pub mod server;
mod service;
mod target;

/// The methods of health checks and reflection, for
/// [`skip_methods`](server::TraceLayer::skip_methods).
pub const HOUSEKEEPING: [&str; 3] = [
    "grpc.health.v1.Health/*",
    "grpc.reflection.v1.ServerReflection/*",
    "grpc.reflection.v1alpha.ServerReflection/*",
];
