//! How long the ledger knows what became of an order: then its idempotency key is free again.

use std::time::Duration;

use throughline_toolkit::Telemetry;
use throughline_toolkit::opentelemetry::metrics::Counter;

use super::store;
use crate::clock;
use crate::database::Database;
use crate::service::Stopping;

/// Answers removed by one statement: nobody waits long for a lock.
const REMOVED_AT_ONCE: u32 = 1_000;

/// Removes answers that were given long ago.
#[derive(Debug)]
pub(super) struct Retention {
    database: Database,
    age: Duration,
    every: Duration,
    removed: Counter<u64>,
}

impl Retention {
    pub(super) fn new(database: Database, age: Duration, every: Duration, telemetry: &Telemetry) -> Self {
        let meter = telemetry.meter("ledger");
        let removed = meter.u64_counter("ledger_requests_forgotten_total");
        let removed = removed.with_description("Answers that were kept long enough.").build();
        Self { database, age, every, removed }
    }

    /// Looks again and again until the service stops, whatever becomes of the database meanwhile.
    pub(super) async fn run(self, stopping: Stopping) {
        let mut failing = false;
        while let Some(swept) = stopping.unless(self.sweep()).await {
            if let Err(error) = &swept
                && !failing
            {
                tracing::warn!(%error, "answers given long ago cannot be removed");
            }
            failing = swept.is_err();
            if stopping.unless(tokio::time::sleep(self.every)).await.is_none() {
                return;
            }
        }
    }

    async fn sweep(&self) -> Result<(), sqlx::Error> {
        let age_ms = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        let before_ms = clock::now_ms().saturating_sub(age_ms);
        let mut requests = 0;
        loop {
            let removed = store::forget(&self.database, before_ms, REMOVED_AT_ONCE).await?;
            self.removed.add(removed, &[]);
            requests += removed;
            if removed < u64::from(REMOVED_AT_ONCE) {
                break;
            }
        }
        if requests > 0 {
            tracing::info!(requests, "answers given long ago are removed: their keys are free again");
        }
        Ok(())
    }
}
