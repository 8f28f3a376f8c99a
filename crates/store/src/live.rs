//! Live data: rows accepted and synced, not yet in a segment.
//!
//! Rows are visible to scans as soon as the log has them. One *generation* takes new rows; a flush freezes it at a boundary
//! between two log files, and it stays visible until the catalog has its segments. Every generation knows the first log file
//! it may hold rows of, so a reader that took its snapshot before looking at the catalog can tell which ones it covers.

mod generation;
mod merge;
mod shrink;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use parking_lot::RwLock;
use throughline_model::{Signal, Tenant};
use tokio::sync::Notify;

pub use generation::Snapshot;
pub(crate) use generation::{Frozen, Generation, signal_index};
pub(crate) use shrink::shrink;

use crate::Error;
use crate::config::{FlushConfig, LiveConfig};

/// The delay asked of clients while live data is full.
const RETRY_MEMORY: Duration = Duration::from_secs(1);

/// Rows not yet in segments.
#[derive(Debug)]
pub(crate) struct Live {
    state: RwLock<State>,
    /// Memory of both generations, and of requests that wait for the log.
    bytes: AtomicUsize,
    bytes_max: usize,
    merge_rows_max: usize,
    flush: FlushConfig,
    /// Somebody needs what a flush frees.
    is_wanted: AtomicBool,
    /// Told when a flush is due.
    pub(crate) due: Notify,
}

#[derive(Debug)]
struct State {
    active: Generation,
    frozen: Option<Arc<Frozen>>,
}

/// How much live data there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LiveSizes {
    pub(crate) rows: [u64; 3],
    pub(crate) bytes: usize,
    pub(crate) oldest: Option<Instant>,
}

impl Live {
    pub(crate) fn new(live: &LiveConfig, flush: &FlushConfig, first_file: u64) -> Self {
        Self {
            state: RwLock::new(State { active: Generation::new(first_file), frozen: None }),
            bytes: AtomicUsize::new(0),
            bytes_max: live.bytes_max,
            merge_rows_max: live.merge_rows_max,
            flush: flush.clone(),
            is_wanted: AtomicBool::new(false),
            due: Notify::new(),
        }
    }

    /// Counts a request's rows before the log has them, so that requests that wait are bounded too.
    pub(crate) fn reserve(&self, batch: &RecordBatch) -> Result<(), Error> {
        let bytes = batch.get_array_memory_size();
        let held = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        if held > 0 && held + bytes > self.bytes_max {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.due.notify_one();
            return Err(Error::overloaded("live data is full and waits for a flush", RETRY_MEMORY));
        }
        Ok(())
    }

    /// Gives back what [`Live::reserve`] counted for a request that was refused later.
    pub(crate) fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// Makes rows of the log visible again after a start, whatever their size.
    pub(crate) fn restore(&self, tenant: &Tenant, signal: Signal, batch: RecordBatch) {
        self.bytes.fetch_add(batch.get_array_memory_size(), Ordering::AcqRel);
        self.publish(tenant, signal, batch);
    }

    /// Makes reserved rows visible.
    pub(crate) fn publish(&self, tenant: &Tenant, signal: Signal, batch: RecordBatch) {
        let mut state = self.state.write();
        state.active.push(tenant, signal, batch);
        let due = state.active.rows() >= self.flush.rows || state.active.bytes() >= self.flush.bytes;
        drop(state);
        if due {
            self.due.notify_one();
        }
    }

    /// Ends the active generation: rows from log file `next_file` on go to a new one.
    ///
    /// Does nothing while an earlier generation is still frozen, or when there are no rows.
    pub(crate) fn freeze(&self, next_file: u64) {
        let mut state = self.state.write();
        if state.frozen.is_some() {
            return;
        }
        self.is_wanted.store(false, Ordering::Release);
        let full = std::mem::replace(&mut state.active, Generation::new(next_file));
        if full.rows() > 0 {
            state.frozen = Some(Arc::new(full.freeze(next_file)));
        }
    }

    /// The generation that waits for its flush.
    pub(crate) fn frozen(&self) -> Option<Arc<Frozen>> {
        self.state.read().frozen.clone()
    }

    /// Drops the frozen generation: its segments are in the catalog.
    pub(crate) fn drop_frozen(&self) {
        if let Some(frozen) = self.state.write().frozen.take() {
            self.bytes.fetch_sub(frozen.bytes, Ordering::AcqRel);
        }
    }

    /// Makes a flush due whatever there is to flush.
    pub(crate) fn want_flush(&self) {
        self.is_wanted.store(true, Ordering::Release);
        self.due.notify_one();
    }

    /// Whether the active generation is wanted, large or old enough to be flushed.
    pub(crate) fn is_flush_due(&self) -> bool {
        let state = self.state.read();
        let active = &state.active;
        let is_wanted = self.is_wanted.load(Ordering::Acquire) && active.rows() > 0;
        is_wanted
            || active.rows() >= self.flush.rows
            || active.bytes() >= self.flush.bytes
            || active.oldest().is_some_and(|oldest| oldest.elapsed() >= self.flush.interval)
    }

    /// The rows of one table as they are now.
    pub(crate) fn snapshot(&self, tenant: &Tenant, signal: Signal) -> Snapshot {
        let state = self.state.read();
        let mut snapshot = Snapshot::default();
        if let Some(frozen) = &state.frozen {
            snapshot.add(frozen.first_file, frozen.batches(tenant, signal));
        }
        snapshot.add(state.active.first_file(), state.active.batches(tenant, signal));
        snapshot
    }

    /// Rows and bytes, frozen included.
    pub(crate) fn sizes(&self) -> LiveSizes {
        let state = self.state.read();
        let mut rows = state.active.rows_by_signal();
        if let Some(frozen) = &state.frozen {
            for (sum, more) in rows.iter_mut().zip(frozen.rows_by_signal) {
                *sum += more;
            }
        }
        LiveSizes { rows, bytes: self.bytes.load(Ordering::Acquire), oldest: state.active.oldest() }
    }

    /// Rows of the active generation only.
    pub(crate) fn active_rows(&self) -> u64 {
        self.state.read().active.rows()
    }

    /// Merges small batches of the active generation into larger ones. Returns how many batches went into it.
    ///
    /// Takes CPU; the lock is held only to look and to swap.
    pub(crate) fn merge(&self) -> Result<usize, Error> {
        let plan = self.state.read().active.merge_plan(self.merge_rows_max);
        let mut merged = 0;
        for run in plan {
            let chunk = Arc::new(merge::concat(run.signal, &run.batches)?);
            let mut state = self.state.write();
            let Some(change) = state.active.replace(&run, chunk) else { continue };
            // Under the lock, so that a flush cannot take off what was not put on yet.
            self.bytes.fetch_add(change.added, Ordering::AcqRel);
            self.bytes.fetch_sub(change.removed, Ordering::AcqRel);
            drop(state);
            merged += run.batches.len();
        }
        Ok(merged)
    }
}

#[cfg(test)]
mod tests;
