//! Compaction and retention in the background. Neither blocks a flush; both are done one job at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use throughline_model::Clock;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::Error;
use crate::compaction::{self, Outcome};
use crate::config::{CompactionConfig, RetentionConfig};
use crate::retention;
use crate::segment::Segments;
use crate::store::flush::Flusher;

/// The longest wait between two looks for files to delete.
const PURGE_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// What compaction and retention did since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct UpkeepStats {
    /// Compactions done.
    pub compactions: u64,
    /// Segments they merged.
    pub compacted_segments: u64,
    /// Rows of the segments they wrote.
    pub compacted_rows: u64,
    /// Spans they left out because the same trace and span id occurred before.
    pub duplicates: u64,
    /// Compactions that failed; they are planned again.
    pub compaction_failures: u64,
    /// Segments that retention dropped.
    pub dropped_segments: u64,
    /// Their rows.
    pub dropped_rows: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Rounds of retention that failed; the next one does their work.
    pub retention_failures: u64,
}

#[derive(Debug, Default)]
struct UpkeepCounters {
    compactions: AtomicU64,
    compacted_segments: AtomicU64,
    compacted_rows: AtomicU64,
    duplicates: AtomicU64,
    compaction_failures: AtomicU64,
    dropped_segments: AtomicU64,
    dropped_rows: AtomicU64,
    dropped_bytes: AtomicU64,
    retention_failures: AtomicU64,
}

/// What compaction and retention work with.
#[derive(Debug)]
pub(super) struct Upkeep {
    segments: Arc<Segments>,
    clock: Arc<dyn Clock>,
    /// Holds the lock on the directory as long as a job runs.
    flusher: Arc<Flusher>,
    counters: UpkeepCounters,
}

impl Upkeep {
    pub(super) fn new(segments: Arc<Segments>, clock: Arc<dyn Clock>, flusher: Arc<Flusher>) -> Self {
        Self { segments, clock, flusher, counters: UpkeepCounters::default() }
    }

    pub(super) fn stats(&self) -> UpkeepStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        UpkeepStats {
            compactions: read(&counters.compactions),
            compacted_segments: read(&counters.compacted_segments),
            compacted_rows: read(&counters.compacted_rows),
            duplicates: read(&counters.duplicates),
            compaction_failures: read(&counters.compaction_failures),
            dropped_segments: read(&counters.dropped_segments),
            dropped_rows: read(&counters.dropped_rows),
            dropped_bytes: read(&counters.dropped_bytes),
            retention_failures: read(&counters.retention_failures),
        }
    }

    /// Does the most urgent compaction; false when there is none.
    fn compact_once(&self, config: &CompactionConfig) -> Result<bool, Error> {
        let now_ns = self.clock.now_ns();
        let plan = compaction::plan(&self.segments.catalog().snapshot(), config, now_ns);
        let Some(job) = plan.first() else { return Ok(false) };
        if self.flusher.is_closed() {
            return Ok(false);
        }
        match compaction::run(&self.segments, job, now_ns)? {
            Outcome::Done { id, rows, duplicates } => {
                tracing::debug!(segment = %id, rows, inputs = job.inputs.len(), "compacted");
                self.counters.compactions.fetch_add(1, Ordering::Relaxed);
                self.counters.compacted_segments.fetch_add(job.inputs.len() as u64, Ordering::Relaxed);
                self.counters.compacted_rows.fetch_add(rows, Ordering::Relaxed);
                self.counters.duplicates.fetch_add(duplicates, Ordering::Relaxed);
                Ok(true)
            }
            Outcome::Skipped => Ok(false),
        }
    }

    fn retain_once(&self, config: &RetentionConfig) -> Result<(), Error> {
        let dropped = retention::run(self.segments.catalog(), config, self.clock.now_ns())?;
        if dropped.segments > 0 {
            tracing::info!(
                segments = dropped.segments,
                rows = dropped.rows,
                bytes = dropped.bytes,
                "retention dropped segments"
            );
        }
        self.counters.dropped_segments.fetch_add(dropped.segments, Ordering::Relaxed);
        self.counters.dropped_rows.fetch_add(dropped.rows, Ordering::Relaxed);
        self.counters.dropped_bytes.fetch_add(dropped.bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Compacts what is worth it, again and again.
pub(super) async fn compact(upkeep: Arc<Upkeep>, config: CompactionConfig) {
    loop {
        let (at_work, settings) = (upkeep.clone(), config.clone());
        match spawn_blocking(move || at_work.compact_once(&settings)).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                upkeep.counters.compaction_failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, cause = error.source_text(), "a compaction failed");
            }
            Err(error) => {
                upkeep.counters.compaction_failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "a compaction was stopped");
            }
        }
        sleep(config.interval).await;
    }
}

/// Drops what is too old or too much, and deletes the files of what stopped serving a while ago.
pub(super) async fn retain(upkeep: Arc<Upkeep>, config: RetentionConfig, grace: Duration) {
    let purge_every = grace.min(config.interval).min(PURGE_INTERVAL_MAX).max(Duration::from_millis(10));
    let mut since_retention = config.interval;
    loop {
        let (at_work, settings) = (upkeep.clone(), config.clone());
        let is_due = since_retention >= config.interval;
        let work = move || {
            if is_due {
                at_work.retain_once(&settings)?;
            }
            retention::purge(&at_work.segments, grace, at_work.clock.now_ns())
        };
        since_retention = if is_due { Duration::ZERO } else { since_retention };
        match spawn_blocking(work).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                upkeep.counters.retention_failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, cause = error.source_text(), "retention failed");
            }
            Err(error) => tracing::error!(%error, "retention was stopped"),
        }
        sleep(purge_every).await;
        since_retention += purge_every;
    }
}
