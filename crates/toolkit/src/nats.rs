//! NATS and JetStream: context in headers, a span for each message on either side.
//!
//! [`connect`] gives a [`TracedClient`] in place of an [`async_nats::Client`]; any other client is
//! wrapped by [`TracedClient::new`].
//!
//! ```no_run
//! use futures::StreamExt;
//! use throughline_toolkit::nats;
//! # async fn insert(_: &[u8]) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn page(_: &[u8]) -> Result<bytes::Bytes, std::io::Error> { Ok("[]".into()) }
//! # async fn f() -> Result<(), async_nats::Error> {
//! let client = nats::connect("nats://localhost").await?.template("chat.history.{room}");
//!
//! // Publish, and handle what was published: one trace.
//! client.publish("chat.general", "hello".into()).await?;
//! let mut messages = client.queue_subscribe("chat.*", "fanout".to_owned()).await?;
//! while let Some(message) = messages.next().await {
//!     message.process(|message| async move { insert(&message.payload).await }).await?;
//! }
//!
//! // Ask, and answer: one trace.
//! let history = client.request("chat.history.general", "50".into()).await?;
//! let mut requests = client.subscribe("chat.history.*").await?;
//! while let Some(request) = requests.next().await {
//!     let answer = |request: nats::TracedMessage| async move {
//!         let page = page(&request.payload).await?;
//!         request.respond(page).await?;
//!         Ok::<_, async_nats::Error>(())
//!     };
//!     request.serve(answer).await?;
//! }
//!
//! // Store, and work off what is stored, however often it is delivered: one trace.
//! let jetstream = client.jetstream();
//! jetstream.publish("chat.general", "hello".into()).await?.await?;
//! let worker = jetstream.get_consumer_from_stream("persist-worker", "CHAT_MESSAGES").await?;
//! let mut messages = jetstream.consumer::<async_nats::jetstream::consumer::pull::Config>(worker);
//! let mut messages = messages.messages().await?;
//! while let Some(message) = messages.next().await {
//!     let persist = |message: nats::jetstream::TracedMessage| async move {
//!         match insert(&message.payload).await {
//!             Ok(()) => message.ack().await,
//!             Err(_) => message.nak(None).await,
//!         }
//!     };
//!     message?.process(persist).await?;
//! }
//!
//! // Keep a value under a key: spans of a database client.
//! let topics = jetstream.key_value(jetstream.get_key_value("TOPICS").await?);
//! topics.put("general", "weather".into()).await?;
//! # Ok(()) }
//! ```
//!
//! # What spans there are
//!
//! The conventions (1.44) say nothing of NATS. Names, kinds and attributes follow what the
//! instrumentations of other languages emit for it, and the conventions for messaging where those
//! apply; what only NATS has is `messaging.nats.…`.
//!
//! | span | kind | parent | links |
//! | --- | --- | --- | --- |
//! | `<subject> publish`; to a stream: until it has answered | PRODUCER | the current span | |
//! | `<subject> request`, until the reply has come | CLIENT | the current span | |
//! | `<subject> respond` ([`TracedMessage::serve`]) | SERVER | the request | the current span |
//! | `<subject> process` ([`TracedMessage::process`]) | CONSUMER | the publish | the publish, the current span |
//! | `<subject> receive` (`fetch`, `batch`) | CLIENT | the current span | each publish |
//! | `<subject> process` of a batch | CONSUMER | the current span | each publish |
//! | `<subject> ack`, `nak`, `term`, `in_progress`, `double_ack` | CLIENT | the current span, or the publish | |
//!
//! Those of the key-value store are spans of a database client, as [`jetstream::kv`] says: `put
//! <bucket>`, `get <bucket>`. The object store has none: what it keeps goes through the client's own
//! context.
//!
//! A message that came without a context is handled below the current span. A reply makes no span
//! of its own: it carries the context of the `respond` span.
//!
//! `<subject>` has few distinct values: the [template](TracedClient::template) that the subject
//! matches; or else the pattern that was subscribed to (`chat.*`), or by which a consumer filters;
//! or else the subject. Inboxes appear as `_INBOX` (or the client's own prefix) with
//! `messaging.destination.temporary`; `$JS.ACK.…`, `$JS.API.…`, `$KV.<bucket>.…` and
//! `$O.<bucket>.…` end after two tokens. The whole subject is `messaging.destination.name`.
//!
//! | attribute | |
//! | --- | --- |
//! | `messaging.consumer.group.name` | the queue group, or the name of a durable consumer |
//! | `messaging.client.id` | the server's number of the connection |
//! | `messaging.message.body.size`, `messaging.nats.response.body.size` | bytes of the payload and of the reply's |
//! | `messaging.message.id` | `Nats-Msg-Id` |
//! | `error.type` | `no_responders`, `timeout`, `stream_not_found`, `wrong_last_sequence`, …; of a handler, the name of its error's type; of a request that a service refused, `Nats-Service-Error-Code` |
//!
//! Of a message from a stream, as its reply subject tells:
//!
//! | attribute | |
//! | --- | --- |
//! | `messaging.nats.stream`, `messaging.nats.stream_sequence` | where it is stored; also on the publish, with `messaging.nats.duplicate` |
//! | `messaging.nats.consumer`, `messaging.consumer.name`, `messaging.nats.consumer_sequence` | who it was delivered to |
//! | `messaging.nats.delivered_count` | which attempt this is: each has a span of its own, below the same publish |
//! | `messaging.nats.pending` | how many messages the consumer has not been given yet |
//! | `messaging.nats.published_unix_nano` | when the stream stored it, by the server's clock |
//! | `messaging.nats.queue_time` | seconds from then to the start of the span; below zero the clocks differ, and `messaging.nats.clock_skew` is true |
//!
//! # What is measured
//!
//! `messaging.client.operation.duration`, `messaging.process.duration`,
//! `messaging.client.sent.messages` and `messaging.client.consumed.messages`, by operation,
//! destination (template), consumer group, server and `error.type`. For connections, by server:
//!
//! | metric | |
//! | --- | --- |
//! | `nats.client.connects` | connections established, the first and each after a loss |
//! | `nats.client.messages.sent`, `nats.client.messages.received` | messages |
//! | `nats.client.bytes.sent`, `nats.client.bytes.received` | their bytes, without the protocol's own |
//!
//! and, for connections made with [`connect`] or [`instrument`]:
//!
//! | metric | |
//! | --- | --- |
//! | `nats.client.connection.events` | by `nats.client.connection.event`: `connected`, `disconnected`, `reconnected`, `lame_duck`, `draining`, `closed` |
//! | `nats.client.messages.dropped` | messages lost because their subscription's buffer was full |
//! | `nats.client.errors` | what server and client report, by `error.type` |
//!
//! and, for durable consumers, by `messaging.nats.stream` and `messaging.nats.consumer`:
//!
//! | metric | |
//! | --- | --- |
//! | `nats.consumer.pending` | messages that wait for the consumer, as of its last delivery to this process: one that takes nothing any more stays where it was |
//! | `nats.consumer.redeliveries` | messages delivered again |
//!
//! Start telemetry before you connect: the connection is counted by the telemetry it finds.
//!
//! # nats-server's own tracing
//!
//! nats-server (2.11) can report the route of a message: always for an account with `msg_trace`,
//! when `traceparent` says that the trace is sampled, and for a message with the header
//! `Nats-Trace-Dest`, which [`TracedClient::trace_to`] sets. A message read from a stream carries
//! `Nats-Trace-Dest: trace disabled`, so code that copies all headers into its next message
//! silently ends that tracing. Nothing published here has such a header unless it is asked for.
//! [`forwarded_headers`] keeps of a received message what may travel on, and
//! [`TracedClient::forward`] publishes it with that.
//!
//! # Without telemetry
//!
//! Messages flow the same. A received context is passed on by what is published while the message
//! is handled; unsampled traces travel with flag 00.

mod client;
mod connection;
mod events;
mod headers;
pub mod jetstream;
mod lag;
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
