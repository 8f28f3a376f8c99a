//! What a scan has spent, what it may spend, and whether anyone still wants the answer.

use super::request::Budget;
use crate::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a scan looked at. Grows while the scan runs; final when its stream has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ScanStats {
    /// Rows that the filter was asked about, or that were read without one.
    pub rows: u64,
    /// Bytes read: of column chunks as stored, and of live columns in memory.
    pub bytes: u64,
    /// Segments in the time range.
    pub segments: u64,
    /// Those of them that could be left alone by what the catalog or their footers say.
    pub segments_pruned: u64,
    /// Segments that turned out to be damaged and were left out: the answer is not complete.
    pub segments_damaged: u64,
    /// Row groups of the others that could be left alone.
    pub row_groups_pruned: u64,
}

/// Counts for one scan; shared by the thread that scans and those who ask.
#[derive(Debug)]
pub(super) struct Meter {
    started: Instant,
    budget: Budget,
    rows: AtomicU64,
    bytes: AtomicU64,
    segments: AtomicU64,
    segments_pruned: AtomicU64,
    segments_damaged: AtomicU64,
    row_groups_pruned: AtomicU64,
    cancelled: AtomicBool,
}

impl Meter {
    pub(super) fn new(budget: Budget) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            budget,
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            segments: AtomicU64::new(0),
            segments_pruned: AtomicU64::new(0),
            segments_damaged: AtomicU64::new(0),
            row_groups_pruned: AtomicU64::new(0),
            cancelled: AtomicBool::new(false),
        })
    }

    /// Stops the scan at its next check.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(super) fn segment(&self, pruned: bool) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        self.segments_pruned.fetch_add(pruned.into(), Ordering::Relaxed);
    }

    /// A damaged segment is left out of the answer, which is then not complete; other errors stay.
    pub(super) fn leave_out<T>(&self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.segments_damaged.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn row_group_pruned(&self) {
        self.row_groups_pruned.fetch_add(1, Ordering::Relaxed);
    }

    /// Time left, if there is a deadline.
    pub(super) fn time_left(&self) -> Option<Duration> {
        Some(self.budget.deadline?.saturating_sub(self.started.elapsed()))
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            return Err(Error::cancelled("the scan was stopped"));
        }
        if self.time_left() == Some(Duration::ZERO) {
            return Err(self.deadline());
        }
        Ok(())
    }

    pub(super) fn deadline(&self) -> Error {
        let allowed = self.budget.deadline.unwrap_or_default().as_millis();
        Error::limit("deadline", format!("the scan did not end within {allowed} ms"))
    }

    /// Counts work about to be done, and refuses it when it is over the budget.
    pub(super) fn spend(&self, rows: usize, bytes: u64) -> Result<(), Error> {
        let rows = self.rows.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(max) = self.budget.rows_max.filter(|max| rows > *max) {
            return Err(Error::limit("rows_max", format!("the scan looks at more than {max} rows")));
        }
        if let Some(max) = self.budget.bytes_max.filter(|max| bytes > *max) {
            return Err(Error::limit("bytes_max", format!("the scan reads more than {max} bytes")));
        }
        self.check()
    }

    pub(super) fn stats(&self) -> ScanStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ScanStats {
            rows: load(&self.rows),
            bytes: load(&self.bytes),
            segments: load(&self.segments),
            segments_pruned: load(&self.segments_pruned),
            segments_damaged: load(&self.segments_damaged),
            row_groups_pruned: load(&self.row_groups_pruned),
        }
    }
}
