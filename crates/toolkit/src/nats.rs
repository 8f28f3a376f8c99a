//! NATS and JetStream: context in headers, spans for publishing, requests, subscriptions, consumers.

mod client;
mod connection;
mod events;
mod headers;
pub mod jetstream;
mod message;
pub(crate) mod metrics;
mod semconv;
mod subject;
mod subscriber;

pub use crate::messaging::consume::{Nothing, Outcome};
pub use client::{TracedClient, connect, connect_with};
pub use events::{ConnectionEvents, instrument};
pub use headers::{HeaderCarrier, extract, forwarded_headers, inject};
pub use message::TracedMessage;
pub use subscriber::TracedSubscriber;
