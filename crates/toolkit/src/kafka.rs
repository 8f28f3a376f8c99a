//! Kafka: spans for sending, processing and committing, context in record headers, consumer lag.
//!
//! [`rdkafka`] and [`krafka`] wrap a client each; the rest is for both, and for any other client:
//! a carrier of context ([`inject`], [`extract`], [`Headers`]), the span of a sending
//! ([`Sending`]), and messages that are processed alone ([`Received`]) or together ([`Batch`]).
//!
//! ```
//! use throughline_toolkit::kafka;
//! use throughline_toolkit::propagation::TraceContext;
//!
//! // Whatever the client: names and values, of which the last counts where a name repeats.
//! let mut headers: Vec<(String, Option<Vec<u8>>)> = vec![("event-type".into(), Some("placed".into()))];
//! kafka::inject(&TraceContext::current(), &mut headers);
//! let creation: TraceContext = kafka::extract(&headers);
//! # assert!(!creation.is_valid());
//! ```
//!
//! # Which client
//!
//! `rdkafka`, unless there can be no C:
//!
//! | | `rdkafka` 0.39 | `krafka` 0.28 |
//! | --- | --- | --- |
//! | is | a binding to librdkafka 2.12, which it brings along | Rust alone, without `unsafe` |
//! | age, makers | librdkafka since 2012, by Confluent; brokers since 0.8 | young, one author; brokers since 3.9 |
//! | API | last broken in July 2025 | eleven minor releases from August to October 2026 |
//! | producer | idempotent, transactional | idempotent, transactional |
//! | groups | cooperative rebalancing, KIP-848 since librdkafka 2.12 | cooperative rebalancing, KIP-848, share groups |
//! | tells of itself | statistics by interval, faults, rebalances | snapshots on demand, lag among them |
//! | a commit | blocks the thread or is not waited for | is awaited |
//! | to build | a C compiler, `make`, zlib | a C compiler for `ring`, nothing else |
//!
//! Both can do what is needed here. What decides is how long the one has been in production, and
//! what was learned there about brokers that misbehave.
//!
//! # Spans
//!
//! | span | kind | parent | links |
//! | --- | --- | --- | --- |
//! | `send <topic>` | PRODUCER | the current span | |
//! | `send <topic>` of a record created earlier | CLIENT | the current span | the creation |
//! | `process <topic>`, one message | CONSUMER | the creation, or see [`Relation`] | the creation, and the current span if it is not the parent |
//! | `process <topic>`, a batch | CONSUMER | the current span | the creation of each message, with its partition, offset and key |
//! | `commit <topic>` | CLIENT | the current span, else that of the processing | the creation of each message |
//!
//! The *creation* of a message is the span whose context its headers carry. The spans' attributes
//! are those of the conventions (v1.44), and of our own, for a message that is processed:
//! `messaging.kafka.queue_time`, the seconds since its timestamp;
//! `messaging.kafka.message.timestamp_type`, who set that (`CreateTime` the producer,
//! `LogAppendTime` the broker); `messaging.kafka.clock_skew` when the time is negative.
//! `error.type` is the name of Kafka's error code, `message_timed_out`.
//!
//! `server.address` and `server.port`, also in metrics, are those that the client was configured
//! with when that is a single broker, or a name that stands for the cluster. Of several bootstrap
//! servers none is given: any other broker may be the one that is asked. [`Client::server`] says
//! what to give instead, and what is given where the client does not tell its configuration.
//!
//! # Metrics
//!
//! | metric | of |
//! | --- | --- |
//! | `messaging.client.operation.duration`, `messaging.process.duration` | each span above |
//! | `messaging.client.sent.messages`, `messaging.client.consumed.messages` | messages sent, processed |
//! | `consumer_lag`, messages; `consumer_lag_seconds` | each partition that a consumer has |
//! | `messaging.kafka.consumer.rebalances`, `messaging.kafka.client.errors` | `rdkafka` |
//!
//! The conventions have no name for lag. `consumer_lag` is from what the group has committed to the
//! end of the partition, as `kafka.consumer_group.lag` of the Collector's `kafkametrics` receiver
//! and `consumer_lag` in librdkafka's statistics; for a group that commits nothing it is from what
//! was received, as `kafka.consumer.records_lag` of the Java client. `consumer_lag_seconds` is the
//! age of the message received last, or 0 where there is no lag. The end is as recent as the
//! client's knowledge of it, which `rdkafka` refreshes while it is polled: a handler that takes long
//! delays that. Both disappear with the consumer.

mod batch;
#[cfg(any(feature = "rdkafka", feature = "krafka"))]
mod commit;
#[cfg(any(feature = "rdkafka", feature = "krafka"))]
mod error_name;
mod headers;
#[cfg(any(feature = "rdkafka", feature = "krafka"))]
pub(crate) mod instruments;
#[cfg(any(feature = "rdkafka", feature = "krafka"))]
mod positions;
mod received;
mod record;
mod semconv;
mod send;
mod server;

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
