//! HTTP boundaries: a layer for servers, a client for outgoing requests.

#[cfg(feature = "reqwest")]
pub mod client;
#[cfg(feature = "axum")]
pub mod server;

pub(crate) mod metrics;
pub(crate) mod semconv;
