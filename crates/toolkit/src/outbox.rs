//! A transactional outbox whose messages keep the trace that wrote them.
//!
//! A service that changes its database and then tells others about it can die in between. So it
//! writes the message into a table, in the same transaction as the change ([`Outbox::stage`]), and
//! a [`Relay`] sends what it finds there to Kafka, NATS or any [`Publisher`].
//!
//! ```
//! use std::time::Duration;
//! use throughline_toolkit::outbox::{Event, Outbox, Publisher, Relay};
//!
//! # async fn f<P: Publisher + 'static>(pool: sqlx::SqlitePool, publisher: P) -> Result<(), sqlx::Error> {
//! Outbox::create_table(&pool).await?; // or outbox::schema(System::Postgresql) in a migration
//! let outbox = Outbox::new();
//!
//! // The sender of messages: one per service, or several on PostgreSQL.
//! let relay = Relay::new(pool.clone(), publisher) // KafkaPublisher::new(producer)
//!     .woken_by(&outbox)
//!     .retry(Duration::from_millis(100), 2.0, Duration::from_secs(30));
//! let relaying = tokio::spawn(relay.run(throughline_toolkit::shutdown_signal()));
//!
//! // A request.
//! let mut tx = pool.begin().await?;
//! sqlx::query("INSERT INTO entries (account, amount) VALUES ($1, $2)").bind(7).bind(250).execute(&mut *tx).await?;
//! let event = Event::new("EntryPosted", 7, "ledger.entry.v1", r#"{"amount":250}"#);
//! outbox.stage(&mut *tx, event).await?;
//! tx.commit().await?;
//! outbox.notify(); // sent now, not at the next poll
//! # Ok(()) }
//! ```
//!
//! # What is promised
//!
//! **A message is sent if and only if its transaction was committed**, at least once: a relay that
//! dies between sending and marking the row sends it again, with the same message id. Consumers
//! that must not act twice remember ids, in the transaction of what they do ([`Inbox::first`]).
//!
//! **Order.** Messages with the same destination and key (the aggregate's id, unless
//! [`Event::key`] says otherwise) are sent in the order their rows were inserted. One that fails
//! holds back those behind it with its key, and no others.
//!
//! **Failures.** Retries back off with jitter ([`Relay::retry`]). What the broker will never take
//! ([`Fault::Permanent`]), or has refused too often ([`Relay::attempts_max`]), is put aside and
//! the rest goes on. A broker that cannot be reached is no message's fault: nothing is put aside,
//! each destination waits and is tried again, for as long as it takes.
//! Rows put aside stay in the table, with `dead_at` and `last_error`, rather than move to one of
//! their own: the partial indexes keep them out of the relay's way at no cost, nothing is copied,
//! and [`Outbox::requeue`] is one update.
//!
//! **Several relays.** On PostgreSQL any number may run on one table: they share 16 partitions of
//! the keys, each held through an advisory lock on a connection of the relay's own, and share them
//! anew within a second or two of a relay's coming or going. On SQLite one sends at a time, by a
//! lease in the table `outbox_relay` that it renews; others wait until it ends, or has said nothing
//! for 10 s ([`Relay::lease`]). What a relay was sending when it stalled for so long is sent twice.
//!
//! **PgBouncer's transaction mode** gives each transaction another session. Locks and notifications
//! that live in a session are not to be had there: the relay is to be [`Relay::without_session`],
//! not [`Relay::listen`]. It then sends alone, by a lease as on SQLite.
//! Statements prepared under a name, which is how sqlx does it, PgBouncer knows since 1.21 with
//! `max_prepared_statements`. Without that, [`Outbox::without_session`] as well, and your own
//! queries in transactions with `persistent(false)`; [`Inbox`] and [`Outbox::requeue`] want a pool
//! that goes straight to the server. `ignore_startup_parameters` needs `extra_float_digits`.
//!
//! **Retention.** Rows sent are removed after a day ([`Relay::retention`]), messages received when
//! you say so ([`InboxRetention`]), in small steps that lock nobody out. Rows put aside stay.
//!
//! # What is told
//!
//! In the request's trace: `create ledger.entry.v1` (PRODUCER), whose context and baggage are kept
//! in the row and reach the message's headers byte for byte, so that a consumer's span continues
//! the request's trace. Of the relay, in a trace of its own for each poll that finds something:
//! `processOutbox` and below it, per attempt, `publishEvent` (CLIENT) with a link to where the
//! message was created; a row may wait for hours, and one poll serves many traces.
//!
//! | metric | what |
//! | --- | --- |
//! | `outbox_relay_latency_seconds` | histogram: from [`Outbox::stage`] to the broker's answer |
//! | `outbox.messages.sent`, `.failed`, `.dead` | counters; the last two with `error.type` |
//! | `outbox.messages.removed`, `inbox.messages.forgotten` | counters: rows that were kept long enough |
//! | `outbox.pending`, `outbox.dead` | gauges: rows to be sent, rows put aside |
//! | `outbox.oldest_age` | gauge: seconds since the oldest row to be sent was staged |
//!
//! All but the rows kept long enough have `messaging.destination.name`. The gauges come from the database and go on while the
//! broker is down; while the database is down they tell what it held last, and the age grows. Each
//! relay tells about the whole table: take the maximum.

mod connection;
mod dead;
mod event;
mod inbox;
pub(crate) mod instruments;
mod publisher;
mod relay;
mod retention;
mod row;
mod stage;
mod statements;
mod tables;

pub use connection::OutboxConnection;
pub use dead::DeadRow;
pub use event::{Broker, Event};
pub use inbox::Inbox;
#[cfg(feature = "rdkafka")]
pub use publisher::kafka::KafkaPublisher;
#[cfg(feature = "nats")]
pub use publisher::nats::NatsPublisher;
pub use publisher::{Fault, Message, PublishError, Publisher, Receipt, UnknownDestination};
pub use relay::{Passed, Relay};
pub use retention::InboxRetention;
pub use stage::Outbox;
pub use tables::{inbox_schema, schema};
