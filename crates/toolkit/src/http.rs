//! HTTP boundaries: a layer for servers, a client for outgoing requests.

pub mod client;
pub mod server;

pub(crate) mod metrics;
pub(crate) mod semconv;
