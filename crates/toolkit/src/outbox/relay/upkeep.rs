//! What a relay does besides sending: gauges, and the removal of rows sent long ago. It goes on
//! while the broker is down.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Database, Pool};

use super::backoff::Trouble;
use super::{Clock, Settings};
use crate::db::Place;
use crate::layer::TelemetryLayer;
use crate::outbox::connection::{OutboxConnection, Preparation, Session, Value};
use crate::outbox::instruments::{Backlog, Waiting};
use crate::outbox::statements::{COUNT_DEAD, PENDING, PRUNE};

/// Rows removed by one statement, and statements in a row: nobody waits long for a lock.
const PRUNED_AT_ONCE: u64 = 1_000;
const PRUNINGS_MAX: usize = 20;

pub(super) struct Upkeep<DB: Database> {
    pool: Pool<DB>,
    place: Arc<Place>,
    backlog: Arc<Backlog>,
    preparation: Preparation,
    retention: Duration,
    every: Duration,
    clock: Clock,
}

impl<DB> Upkeep<DB>
where
    DB: Database,
    DB::Connection: OutboxConnection,
{
    pub(super) fn new(pool: Pool<DB>, settings: &Settings) -> Self {
        let clock = settings.clock.clone();
        let backlog = Backlog::new(move || clock.now());
        if let Some(core) = TelemetryLayer::current() {
            core.outbox.watch(&backlog);
        }
        let Settings { preparation, retention, measure_every: every, clock, .. } = settings.clone();
        let place = Arc::new(DB::Connection::place(&pool.connect_options()));
        Self { pool, place, backlog, preparation, retention, every, clock }
    }

    pub(super) async fn run(self) -> Infallible {
        let mut trouble = Trouble::new("the upkeep of the outbox");
        loop {
            let outcome = async {
                self.backlog.replace(self.look().await?);
                self.prune().await
            };
            match outcome.await {
                Ok(()) => trouble.over(),
                Err(error) => drop(trouble.again(&error)),
            }
            tokio::time::sleep(self.every).await;
        }
    }

    async fn look(&self) -> Result<BTreeMap<String, Waiting>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let pending = self.session(&mut connection).fetch_silently(&PENDING, &[], |row| {
            let pending = u64::try_from(row.int(1)?).unwrap_or(0);
            Ok((row.text(0)?, Waiting { pending, oldest: row.maybe_int(2)?, dead: 0 }))
        });
        let mut found: BTreeMap<String, Waiting> = pending.await?.answer()?.into_iter().collect();
        let dead = self.session(&mut connection).fetch_silently(&COUNT_DEAD, &[], |row| {
            Ok((row.text(0)?, u64::try_from(row.int(1)?).unwrap_or(0)))
        });
        for (destination, dead) in dead.await?.answer()? {
            found.entry(destination).or_default().dead = dead;
        }
        Ok(found)
    }

    fn session<'a>(&'a self, connection: &'a mut DB::Connection) -> Session<'a, DB::Connection> {
        Session::to(&self.place, connection).prepared(self.preparation)
    }

    async fn prune(&self) -> Result<(), sqlx::Error> {
        let age = i64::try_from(self.retention.as_micros()).unwrap_or(i64::MAX);
        let before = self.clock.now().saturating_sub(age);
        for _ in 0..PRUNINGS_MAX {
            let mut connection = self.pool.acquire().await?;
            let values = [Value::Int(before), Value::Int(PRUNED_AT_ONCE.cast_signed())];
            let pruned = self.session(&mut connection).execute_silently(&PRUNE, &values).await?;
            if matches!(pruned.outcome, Ok(0)) {
                break;
            }
            let rows = pruned.tell()?;
            tracing::debug!(rows, "rows sent long ago are removed from the outbox");
            if let Some(core) = TelemetryLayer::current() {
                core.outbox.removed(rows);
            }
            if rows < PRUNED_AT_ONCE {
                break;
            }
        }
        Ok(())
    }
}
