//! Segments, the catalog over them, compaction and retention, through their public interface.

mod catalog;
mod compaction;
mod damage;
mod duckdb;
mod reading;
mod retention;
mod round_trip;
pub(crate) mod telemetry;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use tempfile::TempDir;
use throughline_model::{ManualClock, Signal, Tenant};
use throughline_store::catalog::{Catalog, CatalogReport, Change, Commit, FileEntry};
use throughline_store::segment::{ReadPlan, SegmentReader, Segments, Target, write};

use telemetry::NOON_NS;

/// A data directory with its catalog open.
pub(crate) struct Room {
    pub(crate) directory: TempDir,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) report: CatalogReport,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    pub(crate) fn open(directory: TempDir) -> Self {
        let (catalog, report) = Catalog::open(directory.path(), NOON_NS).unwrap();
        let catalog = Arc::new(catalog);
        let clock = Arc::new(ManualClock::new(NOON_NS));
        let segments = Segments::new(directory.path(), Arc::clone(&catalog), 1 << 20, clock);
        Self { directory, catalog, segments, report }
    }

    /// Closes everything and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { directory, .. } = self;
        Self::open(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn target(&self, signal: Signal, created_ns: i64) -> Target {
        Target {
            data_dir: self.path().to_owned(),
            id: self.catalog.next_id(),
            signal,
            tenant: Tenant::default(),
            level: 0,
            wal_position: 3,
            created_ns,
            replaces: Vec::new(),
        }
    }

    /// Writes and commits a segment.
    pub(crate) fn flush(&self, signal: Signal, batches: &[RecordBatch]) -> Arc<FileEntry> {
        self.flush_at(signal, batches, NOON_NS + 3_600_000_000_000)
    }

    pub(crate) fn flush_at(
        &self,
        signal: Signal,
        batches: &[RecordBatch],
        created_ns: i64,
    ) -> Arc<FileEntry> {
        let written = write(&self.target(signal, created_ns), batches).unwrap().unwrap();
        let id = written.entry.id;
        let change = Change {
            add: vec![written.entry],
            wal_covered: Some(3),
            now_ns: created_ns,
            ..Change::default()
        };
        assert_eq!(self.catalog.commit(&change).unwrap(), Commit::Done);
        Arc::clone(self.catalog.snapshot().get(id).unwrap())
    }

    pub(crate) fn reader(&self, entry: &Arc<FileEntry>) -> SegmentReader {
        self.segments.open(entry).unwrap()
    }

    /// Every row that serves.
    pub(crate) fn rows(&self, signal: Signal) -> Vec<String> {
        let batches: Vec<RecordBatch> = self
            .catalog
            .snapshot()
            .table(signal, &Tenant::default())
            .iter()
            .filter_map(|entry| self.segments.open(entry).ok())
            .flat_map(|reader| read_all(&reader))
            .collect();
        telemetry::multiset(signal, &batches)
    }

    pub(crate) fn entries(&self) -> Vec<FileEntry> {
        let mut entries: Vec<FileEntry> =
            self.catalog.snapshot().files().map(|entry| FileEntry::clone(entry)).collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }
}

pub(crate) fn everything(reader: &SegmentReader) -> ReadPlan {
    ReadPlan { row_groups: (0..reader.metadata().num_row_groups()).collect(), ..ReadPlan::default() }
}

pub(crate) fn read_all(reader: &SegmentReader) -> Vec<RecordBatch> {
    reader.read(&everything(reader)).unwrap().map(Result::unwrap).collect()
}
