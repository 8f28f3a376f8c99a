//! The consumer's side: each message once.

use std::time::{Duration, SystemTime};

use sqlx::Pool;

use super::connection::{OutboxConnection, Session, Value};
use super::stage::micros;
use super::{statements, tables};
use crate::layer::TelemetryLayer;

/// The table `inbox` of a consumer, which remembers the messages it has dealt with.
///
/// ```
/// use throughline_toolkit::outbox::Inbox;
///
/// # async fn f(pool: sqlx::SqlitePool, message_id: &str) -> Result<(), sqlx::Error> {
/// let mut tx = pool.begin().await?;
/// if Inbox::first(&mut *tx, "read-model", message_id).await? {
///     sqlx::query("UPDATE balances SET amount = amount + 250").execute(&mut *tx).await?;
/// }
/// tx.commit().await?; // what was done and that it was done, or neither
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Inbox;

impl Inbox {
    /// Creates the table where it is missing. The statements are [`super::inbox_schema`].
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn create_table<DB>(pool: &Pool<DB>) -> Result<(), sqlx::Error>
    where
        DB: sqlx::Database,
        DB::Connection: OutboxConnection,
    {
        tables::create(pool, tables::inbox_schema).await
    }

    /// Whether `consumer` sees this message for the first time. Call it in the transaction of what
    /// the message makes the consumer do: if that is rolled back, so is the memory of it. A second
    /// consumer of the same message waits for the first one's transaction to end.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn first<C: OutboxConnection>(
        connection: &mut C,
        consumer: &str,
        message_id: &str,
    ) -> Result<bool, sqlx::Error> {
        let values = [Value::Text(consumer), Value::Text(message_id), Value::Int(micros(SystemTime::now()))];
        Ok(Session::from(connection).execute(&statements::RECEIVE, &values).await? == 1)
    }

    /// Forgets messages that were received longer ago than `age`, at most `limit` of them: no
    /// broker and no outbox sends them again after such a time. Says how many it forgot.
    /// [`super::InboxRetention`] does it for as long as a service runs.
    ///
    /// # Errors
    /// As sqlx's queries.
    pub async fn forget<C: OutboxConnection>(
        connection: &mut C,
        age: Duration,
        limit: u32,
    ) -> Result<u64, sqlx::Error> {
        let before = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        let values = [Value::Int(micros(before)), Value::Int(i64::from(limit))];
        let forgotten = Session::from(connection).execute_silently(&statements::FORGET, &values).await?;
        let rows = if matches!(forgotten.outcome, Ok(0)) { 0 } else { forgotten.tell()? };
        if rows > 0
            && let Some(core) = TelemetryLayer::current()
        {
            core.outbox.forgotten(rows);
        }
        Ok(rows)
    }
}
