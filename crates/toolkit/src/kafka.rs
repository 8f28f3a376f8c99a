//! Kafka: spans for sending, processing and committing, context in record headers, consumer lag.

mod batch;
mod error_name;
mod headers;
pub(crate) mod instruments;
mod positions;
mod received;
mod record;
mod semconv;
mod send;

#[cfg(feature = "krafka")]
pub mod krafka;
#[cfg(feature = "rdkafka")]
pub mod rdkafka;

pub use crate::messaging::consume::{Nothing, Outcome};
pub use batch::Batch;
pub use headers::{Headers, HeadersMut, extract, inject};
pub use received::{Consumed, Received};
pub use record::{Client, Record, Relation, Timestamp};
pub use send::Sending;
