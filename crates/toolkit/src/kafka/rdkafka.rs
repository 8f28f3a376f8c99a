//! Kafka through librdkafka: a [`FutureProducer`](::rdkafka::producer::FutureProducer) and a
//! [`StreamConsumer`](::rdkafka::consumer::StreamConsumer) whose messages are traced.
//!
//! ```no_run
//! use std::time::Duration;
//! use rdkafka::consumer::{CommitMode, Consumer};
//! use rdkafka::{ClientConfig, Message, producer::FutureRecord};
//! use throughline_toolkit::kafka::rdkafka::{TracedConsumer, TracedProducer};
//!
//! # async fn f() -> Result<(), rdkafka::error::KafkaError> {
//! let mut config = ClientConfig::new();
//! config.set("bootstrap.servers", "localhost:9092").set("group.id", "read-model");
//!
//! let producer: TracedProducer = config.create()?;
//! let record = FutureRecord::to("ledger.entry.v1").key("42").payload("booked");
//! let delivery = producer.send(record, Duration::from_secs(5)).await?;
//!
//! let consumer: TracedConsumer = config.create()?;
//! consumer.subscribe(&["ledger.entry.v1"])?;
//! let message = consumer.recv().await?;
//! message.process(|m| async move { project(m.payload()).await }).await.ok();
//! consumer.commit(&message, CommitMode::Async)?;
//! # Ok(()) }
//! # async fn project(_: Option<&[u8]>) -> Result<(), std::io::Error> { Ok(()) }
//! ```
//!
//! Made by [`ClientConfig::create`](::rdkafka::ClientConfig::create) they know the client's and
//! the group's names and the broker, count faults and rebalances, and report lag. Clients that exist already, or
//! have a context of their own, are wrapped by `new`; see [`Observer`] for what these lack then.

mod consumer;
mod context;
mod error;
mod message;
mod observer;
mod producer;
mod statistics;

pub use consumer::TracedConsumer;
pub use context::{Context, Silent};
pub use error::error_type;
pub use observer::Observer;
pub use producer::TracedProducer;
