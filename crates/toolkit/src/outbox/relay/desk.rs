//! The relay's dealings with the table.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Database, Pool};
use tokio::time::Instant;
use uuid::Uuid;

use super::Settings;
use super::lease::Lease;
use super::shares::{self, Shares};
use crate::db::Place;
use crate::outbox::connection::{Dialect, OutboxConnection, Preparation, Session, Silent, Value};
use crate::outbox::row::Row;
use crate::outbox::statements::{DEAD, DUE, FAILED, SENT, Sql, UNREACHED};

/// Longer texts are cut: the table is not the place for a broker's whole answer.
const ERROR_CHARS_MAX: usize = 1_000;
/// A statement that takes longer has no connection any more: some networks lose one silently.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// How long the last words to a server may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Reads what is due and writes what became of it. Any error makes it start over with a new
/// connection.
pub(super) struct Desk<DB: Database> {
    pool: Pool<DB>,
    place: Arc<Place>,
    /// On PostgreSQL: a session of its own, which holds the locks.
    own: Option<(DB::Connection, Shares)>,
    /// What is there instead where there is no such session.
    lease: Option<Lease>,
    preparation: Preparation,
    /// Sent, but the database does not know yet.
    unmarked: Vec<Uuid>,
}

enum Seat<'a, DB: Database> {
    Own(&'a mut DB::Connection, &'a mut Shares),
    Pooled(PoolConnection<DB>),
}

impl<DB: Database> Deref for Seat<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Own(connection, _) => connection,
            Self::Pooled(connection) => connection,
        }
    }
}

impl<DB: Database> DerefMut for Seat<'_, DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Own(connection, _) => connection,
            Self::Pooled(connection) => connection,
        }
    }
}

impl<DB> Desk<DB>
where
    DB: Database,
    DB::Connection: OutboxConnection,
{
    /// With [`Preparation::Alone`] without a session of its own.
    pub(super) fn new(pool: Pool<DB>, preparation: Preparation) -> Self {
        let place = Arc::new(DB::Connection::place(&pool.connect_options()));
        Self { pool, place, own: None, lease: None, preparation, unmarked: Vec::new() }
    }

    /// Rows that may be sent, in order, but none to the destinations in `closed` (JSON). `None`:
    /// another relay sends.
    pub(super) async fn due(
        &mut self,
        now: i64,
        settings: &Settings,
        closed: &str,
    ) -> Result<Option<Silent<Vec<Row>>>, sqlx::Error> {
        // What is sent must not be found again.
        self.sent(now, &[]).await?;
        let found = limited(self.find(now, settings, closed)).await;
        if !matches!(&found, Ok(None | Some(Silent { outcome: Ok(_), .. }))) {
            self.own = None;
        }
        found
    }

    async fn find(
        &mut self,
        now: i64,
        settings: &Settings,
        closed: &str,
    ) -> Result<Option<Silent<Vec<Row>>>, sqlx::Error> {
        let mut seat = Self::seat(&self.pool, &mut self.own, self.preparation).await?;
        let partitions = match &mut seat {
            Seat::Own(connection, shares) => shares.settle(&mut **connection).await?,
            Seat::Pooled(connection) => {
                let lease = self.lease.get_or_insert_with(Lease::new);
                if !lease.take(&mut **connection, self.preparation, settings.lease, now).await? {
                    return Ok(None);
                }
                shares::ALL
            }
        };
        let limit = i64::try_from(settings.batch).unwrap_or(i64::MAX);
        let values = [Value::Int(now), Value::Int(limit), Value::Int(partitions), Value::Text(closed)];
        let session = Session::to(&self.place, &mut *seat).prepared(self.preparation);
        session.fetch_silently(&DUE, &values, Row::read).await.map(Some)
    }

    /// Whether what was found may still be sent: no other relay has taken over.
    pub(super) fn may_send(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::is_held)
    }

    /// Does `work`, and renews the lease whenever that is due.
    pub(super) async fn meanwhile<T>(&mut self, settings: &Settings, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        while let Some(renewal) = self.lease.as_ref().and_then(|lease| lease.renewal(settings.lease)) {
            if renewal > Instant::now()
                && let Ok(done) = tokio::time::timeout_at(renewal, &mut work).await
            {
                return done;
            }
            if self.renew(settings).await.is_err() {
                // It lapses unless a later try does better; what does not work, `due` says.
                break;
            }
        }
        work.await
    }

    async fn renew(&mut self, settings: &Settings) -> Result<(), sqlx::Error> {
        if let Some(lease) = &mut self.lease {
            let mut connection = self.pool.acquire().await?;
            let now = settings.clock.now();
            lease.take(&mut *connection, self.preparation, settings.lease, now).await?;
        }
        Ok(())
    }

    /// Lets another relay send.
    pub(super) async fn release(&mut self) {
        if let Some(lease) = &mut self.lease
            && let Ok(mut connection) = self.pool.acquire().await
        {
            // It lapses otherwise.
            let _ended = lease.end(&mut *connection, self.preparation).await.is_ok();
        }
    }

    /// The broker has these. If that cannot be written down now, it is later.
    pub(super) async fn sent(&mut self, now: i64, ids: &[Uuid]) -> Result<(), sqlx::Error> {
        self.unmarked.extend_from_slice(ids);
        if self.unmarked.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = self.unmarked.iter().map(Uuid::to_string).collect();
        let list = serde_json::to_string(&texts).unwrap_or_else(|_| "[]".to_owned());
        self.write(&SENT, &[Value::Int(now), Value::Text(&list)]).await?;
        self.unmarked.clear();
        Ok(())
    }

    /// A row is to be tried again at `next`.
    pub(super) async fn failed(&mut self, id: Uuid, next: i64, error: &str) -> Result<(), sqlx::Error> {
        self.write(&FAILED, &[Value::Int(next), Value::Text(cut(error)), Value::Text(&id.to_string())]).await
    }

    /// A row is to be tried again when its destination is there.
    pub(super) async fn unreached(&mut self, id: Uuid, error: &str) -> Result<(), sqlx::Error> {
        self.write(&UNREACHED, &[Value::Text(cut(error)), Value::Text(&id.to_string())]).await
    }

    /// A row is not to be tried again.
    pub(super) async fn dead(&mut self, id: Uuid, now: i64, error: &str) -> Result<(), sqlx::Error> {
        self.write(&DEAD, &[Value::Int(now), Value::Text(cut(error)), Value::Text(&id.to_string())]).await
    }

    async fn write(&mut self, sql: &'static Sql, values: &[Value<'_>]) -> Result<(), sqlx::Error> {
        let work = async {
            let mut seat = Self::seat(&self.pool, &mut self.own, self.preparation).await?;
            Session::to(&self.place, &mut *seat).prepared(self.preparation).execute(sql, values).await
        };
        let outcome = limited(work).await;
        if outcome.is_err() {
            self.own = None;
        }
        outcome.map(drop)
    }

    async fn seat<'a>(
        pool: &Pool<DB>,
        own: &'a mut Option<(DB::Connection, Shares)>,
        preparation: Preparation,
    ) -> Result<Seat<'a, DB>, sqlx::Error> {
        if own.is_none() {
            let pooled = pool.acquire().await?;
            if preparation == Preparation::Alone || pooled.dialect()? == Dialect::Sqlite {
                return Ok(Seat::Pooled(pooled));
            }
            // Locks must not go back to the pool with it.
            let mut connection = pooled.detach();
            let shares = Shares::join(&mut connection).await?;
            *own = Some((connection, shares));
        }
        match own {
            Some((connection, shares)) => Ok(Seat::Own(connection, shares)),
            None => Err(sqlx::Error::PoolClosed),
        }
    }

    /// Marks what is not marked yet, if the database is there, and lets others have its share.
    pub(super) async fn close(&mut self, now: i64) {
        let last_words = async {
            // Sent again by the next relay otherwise.
            let _marked = self.sent(now, &[]).await.is_ok();
            self.release().await;
            if let Some((connection, _)) = self.own.take() {
                let _closed = connection.close().await.is_ok();
            }
        };
        let _in_time = tokio::time::timeout(CLOSE_LIMIT, last_words).await.is_ok();
    }
}

async fn limited<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(STATEMENT_LIMIT, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

fn cut(error: &str) -> &str {
    let end = error.char_indices().nth(ERROR_CHARS_MAX).map_or(error.len(), |(at, _)| at);
    error.get(..end).unwrap_or(error)
}
