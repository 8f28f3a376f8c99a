//! The producer's side: a row in the caller's transaction.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::propagation::Injector;
use sqlx::Pool;
use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;

use super::connection::{Dialect, OutboxConnection, Preparation, Session, Value};
use super::event::{Broker, Event};
use super::{row, statements, tables};
use crate::SpanKind;
use crate::db::error_type;
use crate::messaging::operation::{Destination, Operation, OperationType, Running};
use crate::propagation::{self, TraceContext};

/// The table `outbox`, seen by those who write messages into it. Cheap to clone; clones wake the
/// same relays.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    broker: Broker,
    announcing: bool,
    preparation: Preparation,
    wake: watch::Sender<()>,
}

impl Outbox {
    /// An outbox whose messages go to Kafka, if [`Outbox::broker`] does not say otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the messages go, for `messaging.system` of the spans.
    #[must_use]
    pub fn broker(mut self, broker: Broker) -> Self {
        self.broker = broker;
        self
    }

    /// Announces each commit to relays in other processes ([`super::Relay::listen`]) by
    /// PostgreSQL's NOTIFY. Commits that notify wait for each other in the server: for many writes
    /// at once, polling does better. Without effect on SQLite.
    #[must_use]
    pub fn announcing(mut self) -> Self {
        self.announcing = true;
        self
    }

    /// Stages without a statement that the session keeps under a name, for PgBouncer's transaction
    /// mode before 1.21, or without `max_prepared_statements`. It costs an exchange with the server.
    #[must_use]
    pub fn without_session(mut self) -> Self {
        self.preparation = Preparation::Unnamed;
        self
    }

    /// Creates the table and its indexes where they are missing. The statements are
    /// [`super::schema`].
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn create_table<DB>(pool: &Pool<DB>) -> Result<(), sqlx::Error>
    where
        DB: sqlx::Database,
        DB::Connection: OutboxConnection,
    {
        tables::create(pool, tables::schema).await
    }

    /// Writes the event into the table, in the caller's transaction, with the context of its
    /// `create` span. Returns the message's id.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn stage<C: OutboxConnection>(
        &self,
        connection: &mut C,
        event: Event,
    ) -> Result<Uuid, sqlx::Error> {
        let id = Uuid::now_v7();
        let operation = Operation {
            system: self.broker.system(),
            name: "create",
            kind: OperationType::Create,
            span_kind: SpanKind::Producer,
            destination: Destination { name: &event.destination, ..Destination::default() },
            group: None,
            server: None,
        };
        let Some(running) = Running::begin(operation, None) else {
            self.insert(connection, id, &event, &TraceContext::current()).await?;
            return Ok(id);
        };
        let text = id.to_string();
        running.describe(|fields, limits| {
            row::describe(fields, limits, &text, &event.event_type, &event.aggregate_id);
        });
        let context = running.context();
        let insert = self.insert(connection, id, &event, &context);
        let outcome = insert.instrument(running.span().clone()).await;
        running.finish(outcome, |error| error_type(error).into())?;
        Ok(id)
    }

    /// Tells the relays that were [`super::Relay::woken_by`] this outbox to look now. Call it after
    /// the commit.
    pub fn notify(&self) {
        self.wake.send_replace(());
    }

    pub(super) fn wake_ups(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    async fn insert<C: OutboxConnection>(
        &self,
        connection: &mut C,
        id: Uuid,
        event: &Event,
        context: &TraceContext,
    ) -> Result<(), sqlx::Error> {
        let mut saved = Saved::default();
        propagation::inject(context, &mut saved);
        let headers = row::encode_headers(&event.headers, &saved.others);
        let id = id.to_string();
        let values = [
            Value::Text(&id),
            Value::Text(&event.event_type),
            Value::Text(&event.aggregate_id),
            Value::Text(&event.destination),
            Value::Text(event.key.as_deref().unwrap_or(&event.aggregate_id)),
            Value::Bytes(&event.payload),
            Value::Text(&headers),
            Value::MaybeText(saved.traceparent.as_deref()),
            Value::MaybeText(saved.tracestate.as_deref()),
            Value::MaybeText(saved.baggage.as_deref()),
            Value::Int(micros(SystemTime::now())),
        ];
        let session = Session::from(&mut *connection).prepared(self.preparation);
        session.execute(&statements::STAGE, &values).await?;
        if self.announcing && connection.dialect()? == Dialect::Postgresql {
            let session = Session::from(connection).prepared(self.preparation);
            session.execute(&statements::ANNOUNCE, &[]).await?;
        }
        Ok(())
    }
}

/// Microseconds since 1970, as the table has its times.
pub(super) fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A context as a row keeps it. What other propagators add (`OTEL_PROPAGATORS`) is kept among the
/// headers.
#[derive(Default)]
struct Saved {
    traceparent: Option<String>,
    tracestate: Option<String>,
    baggage: Option<String>,
    others: Vec<(String, String)>,
}

impl Injector for Saved {
    fn set(&mut self, key: &str, value: String) {
        match key {
            row::TRACEPARENT => self.traceparent = Some(value),
            row::TRACESTATE => self.tracestate = Some(value),
            row::BAGGAGE => self.baggage = Some(value),
            other => self.others.push((other.to_owned(), value)),
        }
    }
}
