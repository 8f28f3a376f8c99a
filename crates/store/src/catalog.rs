//! The catalog: which segments exist and what write-ahead log positions they cover.
//!
//! A table in SQLite, changed by compare-and-swap transactions, and an immutable snapshot of it in memory, which is all that a
//! query sees. A lost or damaged catalog is rebuilt from the footers of the segments.

mod entry;
mod open;
mod rebuild;
mod snapshot;
mod table;

pub use entry::{FileEntry, FileId};
pub(crate) use entry::{partition, sidecar_path};
pub use open::CatalogReport;
pub(crate) use rebuild::quarantine_file;
pub use snapshot::Snapshot;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use throughline_model::{Signal, Tenant};

use crate::error::Error;

/// Segments to add and to take away, at once or not at all.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New segments.
    pub add: Vec<FileEntry>,
    /// Segments that serve no longer; each must still serve, or nothing is changed.
    pub remove: Vec<FileId>,
    /// With it, every write-ahead log file of a smaller sequence is in segments.
    pub wal_covered: Option<u64>,
    /// Now.
    pub now_ns: i64,
}

/// What became of a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// It was made, durably.
    Done,
    /// A segment to remove serves no longer: somebody else was faster, and nothing was changed.
    Lost,
}

/// A file that serves no longer and may be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) id: FileId,
    pub(crate) path: PathBuf,
}

/// The catalog of a data directory.
#[derive(Debug)]
pub struct Catalog {
    connection: Mutex<Connection>,
    snapshot: RwLock<Arc<Snapshot>>,
    next_id: AtomicU64,
}

impl Catalog {
    /// Opens the catalog of `data_dir`: rebuilds it if it is lost or damaged, removes what crashes left behind.
    ///
    /// # Errors
    /// The directory cannot be read or written.
    pub fn open(data_dir: &Path, now_ns: i64) -> Result<(Self, CatalogReport), Error> {
        open::open(data_dir, now_ns)
    }

    /// What serves now. Hold it for the length of a query, not longer: files are deleted a while after they left it.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read())
    }

    /// An id that no segment has had.
    #[must_use]
    pub fn next_id(&self) -> FileId {
        FileId(self.next_id.fetch_add(1, Ordering::SeqCst))
    }

    /// Makes a change durable, then visible.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn commit(&self, change: &Change) -> Result<Commit, Error> {
        let mut connection = self.connection.lock();
        let transaction = connection.transaction()?;
        for id in &change.remove {
            if !table::remove(&transaction, *id, change.now_ns)? {
                return Ok(Commit::Lost);
            }
        }
        for entry in &change.add {
            table::insert(&transaction, entry)?;
            table::cover(&transaction, entry.signal, &entry.tenant, entry.wal_position)?;
        }
        if let Some(position) = change.wal_covered {
            table::set_wal_covered(&transaction, position)?;
        }
        transaction.commit()?;
        let mut snapshot = self.snapshot.write();
        let next = snapshot.changed(change);
        *snapshot = Arc::new(next);
        Ok(Commit::Done)
    }

    /// Every write-ahead log file of a smaller sequence is in segments; 0 at first and after a rebuild.
    #[must_use]
    pub fn wal_covered(&self) -> u64 {
        self.snapshot.read().wal_covered()
    }

    /// The same for one tenant and signal alone, which survives a rebuild: the largest position any of its segments ever had.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn covered(&self, signal: Signal, tenant: &Tenant) -> Result<u64, Error> {
        Ok(table::covered(&self.connection.lock(), signal, tenant)?.max(self.wal_covered()))
    }

    /// Takes a damaged segment out of service; false if it did not serve any more.
    pub(crate) fn quarantine(&self, id: FileId, reason: &str, now_ns: i64) -> Result<bool, Error> {
        let connection = self.connection.lock();
        let done = table::quarantine(&connection, id, reason, now_ns)?;
        let mut snapshot = self.snapshot.write();
        let change = Change { remove: vec![id], ..Change::default() };
        let next = snapshot.changed(&change);
        *snapshot = Arc::new(next);
        Ok(done)
    }

    /// Notes that a segment has no sidecar any more; false if that was known.
    pub(crate) fn drop_sidecar(&self, id: FileId) -> Result<bool, Error> {
        let connection = self.connection.lock();
        let done = table::drop_sidecar(&connection, id)?;
        let mut snapshot = self.snapshot.write();
        if let Some(entry) = snapshot.get(id) {
            let bare = FileEntry { sidecar_bytes: 0, ..FileEntry::clone(entry) };
            let next = snapshot.changed(&Change { remove: vec![id], add: vec![bare], ..Change::default() });
            *snapshot = Arc::new(next);
        }
        Ok(done)
    }

    /// Files that stopped serving before `before_ns`.
    pub(crate) fn removed_before(&self, before_ns: i64) -> Result<Vec<Removed>, Error> {
        table::removed_before(&self.connection.lock(), before_ns)
    }

    /// Forgets files that were deleted.
    pub(crate) fn forget(&self, ids: &[FileId]) -> Result<(), Error> {
        let mut connection = self.connection.lock();
        let transaction = connection.transaction()?;
        for id in ids {
            table::forget(&transaction, *id)?;
        }
        Ok(transaction.commit()?)
    }
}
