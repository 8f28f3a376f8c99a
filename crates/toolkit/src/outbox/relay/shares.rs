//! How several relays share one table on PostgreSQL: each holds some of the partitions of keys,
//! through advisory locks that end with its session.

use std::time::Duration;

use tokio::time::Instant;

use crate::ids;
use crate::outbox::connection::{OutboxConnection, Session, Value};
use crate::outbox::statements::{COUNT_SHARED, LOCK_BASE, LOCK_SHARED, Sql, TRY_LOCK, UNLOCK};

/// As many as [`crate::outbox::statements::DUE`] makes of the keys.
const PARTITIONS: i64 = 16;
/// How often relays look whether they have become more or fewer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Every partition, for a relay that is alone.
pub(super) const ALL: i64 = -1;

/// The partitions a relay holds.
#[derive(Debug)]
pub(super) struct Shares {
    /// The number of the first partition's lock. Each relay shares the one after the last's.
    base: i64,
    held: Vec<i64>,
    looked: Option<Instant>,
}

impl Shares {
    /// Becomes one of those who share.
    pub(super) async fn join<C: OutboxConnection>(connection: &mut C) -> Result<Self, sqlx::Error> {
        let base = number(connection, &LOCK_BASE, &[]).await?;
        let present = [Value::Int(base + PARTITIONS)];
        Session::from(&mut *connection).execute_silently(&LOCK_SHARED, &present).await?.answer()?;
        Ok(Self { base, held: Vec::new(), looked: None })
    }

    fn mask(&self) -> i64 {
        self.held.iter().fold(0, |mask, partition| mask | (1 << partition))
    }

    /// Gives up what others should have and takes what is free, up to a fair share; says which
    /// partitions it has now, a bit each. Nothing may be on its way.
    pub(super) async fn settle<C: OutboxConnection>(
        &mut self,
        connection: &mut C,
    ) -> Result<i64, sqlx::Error> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(self.mask());
        }
        let present = [Value::Int(self.base + PARTITIONS)];
        let relays = number(connection, &COUNT_SHARED, &present).await?.max(1);
        let fair = usize::try_from((PARTITIONS + relays - 1) / relays).unwrap_or(1);
        while self.held.len() > fair
            && let Some(partition) = self.held.pop()
        {
            let lock = [Value::Int(self.base + partition)];
            Session::from(&mut *connection).execute_silently(&UNLOCK, &lock).await?.answer()?;
        }
        // Relays that start together do not run into each other all the way.
        let from = i64::from(ids::span_id().to_bytes()[0]);
        for partition in (0..PARTITIONS).map(|n| (n + from) % PARTITIONS) {
            if self.held.len() >= fair {
                break;
            }
            let lock = [Value::Int(self.base + partition)];
            if !self.held.contains(&partition) && number(connection, &TRY_LOCK, &lock).await? == 1 {
                self.held.push(partition);
            }
        }
        self.looked = Some(Instant::now());
        Ok(self.mask())
    }
}

async fn number<C: OutboxConnection>(
    connection: &mut C,
    sql: &'static Sql,
    values: &[Value<'_>],
) -> Result<i64, sqlx::Error> {
    let rows = Session::from(connection).fetch_silently(sql, values, |row| row.int(0)).await?.answer()?;
    rows.first().copied().ok_or(sqlx::Error::RowNotFound)
}
