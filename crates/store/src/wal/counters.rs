//! What the log counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters of the log, shared between its writer and whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    records: AtomicU64,
    bytes: AtomicU64,
    groups: AtomicU64,
    syncs: AtomicU64,
    write_failures: AtomicU64,
    sync_failures: AtomicU64,
    housekeeping_failures: AtomicU64,
    refused_overloaded: AtomicU64,
    refused_unavailable: AtomicU64,
}

/// What the log did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WalStats {
    /// Records written.
    pub records: u64,
    /// Bytes written, headers and padding included.
    pub bytes: u64,
    /// Writes, each of one or more records.
    pub groups: u64,
    /// Syncs.
    pub syncs: u64,
    /// Writes (and file creations) that failed; their requests were refused.
    pub write_failures: u64,
    /// Syncs that failed; in strict durability their requests were refused.
    pub sync_failures: u64,
    /// Removals, cuts and position writes that failed; they are repeated or done at the next start.
    pub housekeeping_failures: u64,
    /// Requests refused because the queue or the log was full.
    pub refused_overloaded: u64,
    /// Requests refused because storage was full or failing.
    pub refused_unavailable: u64,
    /// Log files on disk, spares not included.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

impl Counters {
    pub(crate) fn wrote(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write_failed(&self) {
        self.write_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sync_failed(&self) {
        self.sync_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn housekeeping_failed(&self) {
        self.housekeeping_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, kind: crate::ErrorKind, requests: u64) {
        let counter = match kind {
            crate::ErrorKind::Overloaded => &self.refused_overloaded,
            _ => &self.refused_unavailable,
        };
        counter.fetch_add(requests, Ordering::Relaxed);
    }

    /// The counts now; the caller fills in the files.
    pub(crate) fn stats(&self) -> WalStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WalStats {
            records: read(&self.records),
            bytes: read(&self.bytes),
            groups: read(&self.groups),
            syncs: read(&self.syncs),
            write_failures: read(&self.write_failures),
            sync_failures: read(&self.sync_failures),
            housekeeping_failures: read(&self.housekeeping_failures),
            refused_overloaded: read(&self.refused_overloaded),
            refused_unavailable: read(&self.refused_unavailable),
            files: 0,
            file_bytes: 0,
        }
    }
}
