//! Listeners and senders: everything that holds a socket for telemetry.
//!
//! [`inbound`] receives OTLP over gRPC and HTTP and hands decoded requests to pipelines.
//! [`outbound`] sends requests from a durable queue to other OTLP receivers. A request takes
//! these steps here: listener ([`inbound::OtlpReceiver`]), door (concurrency and memory, before
//! the body is read), decode (`throughline-wire`), pipelines.

pub mod inbound;
pub mod outbound;
