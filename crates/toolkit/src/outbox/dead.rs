//! Rows that were put aside, for those who look after them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::connection::{Columns, OutboxConnection, Session, Value};
use super::{Outbox, statements};

/// A row that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadRow {
    /// The message's id.
    pub id: Uuid,
    /// What happened.
    pub event_type: String,
    /// What it happened to.
    pub aggregate_id: String,
    /// Where it should have gone.
    pub destination: String,
    /// What it was ordered by.
    pub key: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it was put aside.
    pub dead_at: SystemTime,
    /// What the broker said.
    pub last_error: String,
}

impl DeadRow {
    fn read(columns: &dyn Columns) -> Result<Self, sqlx::Error> {
        let dead_at = u64::try_from(columns.int(6)?).unwrap_or_default();
        Ok(Self {
            id: columns.text(0)?.parse().map_err(|e: uuid::Error| sqlx::Error::Decode(e.into()))?,
            event_type: columns.text(1)?,
            aggregate_id: columns.text(2)?,
            destination: columns.text(3)?,
            key: columns.text(4)?,
            attempts: u64::try_from(columns.int(5)?).unwrap_or_default(),
            dead_at: UNIX_EPOCH + Duration::from_micros(dead_at),
            last_error: columns.maybe_text(7)?.unwrap_or_default(),
        })
    }
}

impl Outbox {
    /// The rows that were put aside, oldest first, at most `limit` of them.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn dead<C: OutboxConnection>(
        connection: &mut C,
        limit: u32,
    ) -> Result<Vec<DeadRow>, sqlx::Error> {
        let values = [Value::Int(i64::from(limit))];
        Session::from(connection).fetch(&statements::LIST_DEAD, &values, DeadRow::read).await
    }

    /// Has a row that was put aside sent after all: as the last of its key, since those behind it
    /// have gone on without it. `false` when there is no such row.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn requeue<C: OutboxConnection>(connection: &mut C, id: Uuid) -> Result<bool, sqlx::Error> {
        let id = id.to_string();
        Ok(Session::from(connection).execute(&statements::REQUEUE, &[Value::Text(&id)]).await? == 1)
    }

    /// [`Outbox::requeue`] for rows of a destination, in their order and at most `limit` of them.
    /// Says how many there were.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn requeue_all<C: OutboxConnection>(
        connection: &mut C,
        destination: &str,
        limit: u32,
    ) -> Result<u64, sqlx::Error> {
        let values = [Value::Text(destination), Value::Int(i64::from(limit))];
        let ids =
            Session::from(&mut *connection).fetch(&statements::DEAD_IDS, &values, |row| row.text(0)).await?;
        let mut requeued = 0;
        for id in ids {
            requeued +=
                Session::from(&mut *connection).execute(&statements::REQUEUE, &[Value::Text(&id)]).await?;
        }
        Ok(requeued)
    }
}
