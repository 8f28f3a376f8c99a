//! Turning a frozen generation into segments.
//!
//! The order makes it safe to stop anywhere: segments are written and synced, one catalog transaction adds them together with
//! the log position they cover, then live data goes, then the log files. Before the transaction the log has the rows and the
//! segments are leftovers; after it the segments have them and the log files are.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use parking_lot::Mutex;
use serde::Serialize;
use throughline_model::Clock;

use crate::Error;
use crate::catalog::{Catalog, Change, Commit, FileEntry};
use crate::live::{Frozen, Live};
use crate::segment::{self, Target};
use crate::store::lock::DirLock;
use crate::store::reserve::Reserve;
use crate::wal::disk::{Disk, Point};
use crate::wal::ledger::Ledger;

/// What flushes did since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FlushStats {
    /// Flushes done.
    pub flushes: u64,
    /// Flushes that failed and are repeated.
    pub failures: u64,
    /// Segments written.
    pub segments: u64,
    /// Rows in them.
    pub rows: u64,
    /// Spans that a flush left out because the same trace and span id occurred before in it.
    pub duplicates: u64,
}

#[derive(Debug, Default)]
struct FlushCounters {
    flushes: AtomicU64,
    failures: AtomicU64,
    segments: AtomicU64,
    rows: AtomicU64,
    duplicates: AtomicU64,
}

/// Writes frozen generations.
#[derive(Debug)]
pub(crate) struct Flusher {
    pub(crate) data_dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) live: Arc<Live>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) reserve: Reserve,
    /// Held until the last flush is over.
    _lock: Arc<DirLock>,
    /// True: the store is closed, nothing may be committed any more.
    closed: Mutex<bool>,
    counters: FlushCounters,
}

/// What a flusher works with.
#[derive(Debug)]
pub(crate) struct FlusherParts {
    pub(crate) data_dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) live: Arc<Live>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) lock: Arc<DirLock>,
    pub(crate) reserve_bytes: u64,
}

impl Flusher {
    pub(crate) fn new(parts: FlusherParts) -> Self {
        let FlusherParts { data_dir, disk, clock, catalog, live, ledger, lock, reserve_bytes } = parts;
        let reserve = Reserve::new(disk.clone(), &data_dir, reserve_bytes);
        let (closed, counters) = (Mutex::new(false), FlushCounters::default());
        Self { data_dir, disk, clock, catalog, live, ledger, reserve, _lock: lock, closed, counters }
    }

    /// Writes the frozen generation, if there is one. Blocks; one call at a time.
    ///
    /// On a full disk the reserve is given up for it.
    pub(crate) fn flush_frozen(&self) -> Result<(), Error> {
        let Some(frozen) = self.live.frozen() else { return Ok(()) };
        let mut outcome = self.write(&frozen);
        if outcome.as_ref().is_err_and(Error::is_storage_full) {
            self.ledger.drop_spares();
            if self.reserve.give_up() {
                tracing::warn!("the disk is full; the flush uses its reserve");
                outcome = self.write(&frozen);
            }
        }
        if let Err(error) = outcome {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        self.live.drop_frozen();
        self.reached(Point::CatalogCommitted)?;
        self.ledger.set_covered(frozen.end_file);
        self.ledger.release();
        self.reserve.hold();
        self.reached(Point::LogReleased)
    }

    /// After this nothing is committed any more.
    pub(crate) fn close(&self) {
        *self.closed.lock() = true;
    }

    /// Whether the store is closed.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.lock()
    }

    pub(crate) fn stats(&self) -> FlushStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FlushStats {
            flushes: read(&self.counters.flushes),
            failures: read(&self.counters.failures),
            segments: read(&self.counters.segments),
            rows: read(&self.counters.rows),
            duplicates: read(&self.counters.duplicates),
        }
    }

    fn reached(&self, point: Point) -> Result<(), Error> {
        self.disk.reached(point).map_err(|error| Error::io("flush to", &self.data_dir, error))
    }

    fn write(&self, frozen: &Frozen) -> Result<(), Error> {
        let mut change =
            Change { wal_covered: Some(frozen.end_file), now_ns: self.clock.now_ns(), ..Change::default() };
        let duplicates = match self.write_segments(frozen, &mut change) {
            Ok(duplicates) => duplicates,
            Err(error) => {
                self.discard(&change.add);
                return Err(error);
            }
        };
        self.commit(&change).inspect_err(|error| {
            // After a failed sync nobody knows what the catalog will hold at the next start, which sorts it out.
            if error.is_storage_full() {
                self.discard(&change.add);
            }
        })?;
        let rows = change.add.iter().map(|entry| entry.rows).sum();
        self.counters.segments.fetch_add(change.add.len() as u64, Ordering::Relaxed);
        self.counters.rows.fetch_add(rows, Ordering::Relaxed);
        self.counters.duplicates.fetch_add(duplicates, Ordering::Relaxed);
        Ok(())
    }

    fn write_segments(&self, frozen: &Frozen, change: &mut Change) -> Result<u64, Error> {
        self.reached(Point::FlushStart)?;
        let mut duplicates = 0;
        for ((tenant, signal), batches) in &frozen.tables {
            if self.is_closed() {
                return Err(Error::cancelled("the store is closed"));
            }
            let target = Target {
                data_dir: self.data_dir.clone(),
                id: self.catalog.next_id(),
                signal: *signal,
                tenant: tenant.clone(),
                level: 0,
                wal_position: frozen.end_file,
                created_ns: change.now_ns,
                replaces: Vec::new(),
            };
            let batches: Vec<RecordBatch> = batches.iter().map(|batch| batch.as_ref().clone()).collect();
            if let Some(written) = segment::write(&target, &batches)? {
                duplicates += written.duplicates;
                change.add.push(written.entry);
            }
        }
        self.reached(Point::SegmentsWritten)?;
        Ok(duplicates)
    }

    fn commit(&self, change: &Change) -> Result<(), Error> {
        let closed = self.closed.lock();
        if *closed {
            return Err(Error::cancelled("the store is closed"));
        }
        let commit = self.catalog.commit(change)?;
        drop(closed);
        match commit {
            Commit::Done => Ok(()),
            Commit::Lost => Err(Error::internal("the catalog refused new segments")),
        }
    }

    /// Removes segments that will not be committed; what stays, the next start removes.
    fn discard(&self, entries: &[FileEntry]) {
        for entry in entries {
            for path in [Some(entry.path.clone()), entry.sidecar_path()].into_iter().flatten() {
                match fs::remove_file(self.data_dir.join(&path)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        tracing::warn!(path = %path.display(), %error, "cannot remove the segment of a failed flush");
                    }
                    _ => {}
                }
            }
        }
    }
}
