//! Kafka in pure Rust: `krafka`'s producer and consumer, with messages that are traced.
//!
//! ```no_run
//! use krafka::{Kafka, Record};
//! use throughline_toolkit::kafka::krafka::{TracedConsumer, TracedProducer};
//!
//! # async fn f() -> krafka::Result<()> {
//! let kafka = Kafka::builder("localhost:9092").connect().await?;
//!
//! let producer = kafka.producer().build().await?;
//! let producer = TracedProducer::new(producer).client(|client| client.server("localhost:9092"));
//! producer.send(Record::new("ledger.entry.v1", "booked").key("42")).await?;
//!
//! let consumer = kafka.consumer("read-model").build().await?;
//! let consumer = TracedConsumer::new(consumer)
//!     .client(|client| client.group("read-model").server("localhost:9092"));
//! consumer.subscribe(["ledger.entry.v1"]).await?;
//! while let Some(message) = consumer.recv().await? {
//!     message.process(|m| async move { project(m.value.as_deref()).await }).await.ok();
//!     consumer.commit(&message).await?;
//! }
//! # Ok(()) }
//! # async fn project(_: Option<&[u8]>) -> Result<(), std::io::Error> { Ok(()) }
//! ```
//!
//! The client tells neither its broker nor its group: say both, for spans and metrics to have them.
//! It makes `send`, `poll` and `commit` spans of its own, which carry no context. They are
//! left out, as they would double ours, unless `RUST_LOG` names `krafka`.

mod consumer;
mod error;
mod message;
mod producer;

pub use consumer::TracedConsumer;
pub use error::error_type;
pub use producer::TracedProducer;
