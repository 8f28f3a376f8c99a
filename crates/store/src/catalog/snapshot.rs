//! What serves at one moment.

use std::sync::Arc;

use hashbrown::HashMap;
use throughline_model::{Signal, Tenant};

use crate::catalog::{Change, FileEntry, FileId};

/// The segments that serve at one moment. Never changes.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    tables: HashMap<(Signal, Tenant), Vec<Arc<FileEntry>>>,
    by_id: HashMap<FileId, Arc<FileEntry>>,
    wal_covered: u64,
    generation: u64,
}

impl Snapshot {
    pub(crate) fn new(entries: Vec<FileEntry>, wal_covered: u64) -> Self {
        let empty = Self { wal_covered, ..Self::default() };
        empty.changed(&Change { add: entries, ..Change::default() })
    }

    /// Every segment, in no particular order.
    pub fn files(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.by_id.values()
    }

    /// A tenant's segments of a signal that may have rows in `[start_ns, end_ns)`, by the time of their newest row, newest first.
    pub fn select(
        &self,
        signal: Signal,
        tenant: &Tenant,
        start_ns: i64,
        end_ns: i64,
    ) -> impl Iterator<Item = &Arc<FileEntry>> {
        // A tuple key has to be owned; a tenant is cheap to clone.
        let files = self.tables.get(&(signal, tenant.clone())).map(Vec::as_slice).unwrap_or_default();
        files.iter().filter(move |file| file.overlaps(start_ns, end_ns))
    }

    /// A tenant's segments of a signal, newest first.
    #[must_use]
    pub fn table(&self, signal: Signal, tenant: &Tenant) -> &[Arc<FileEntry>] {
        self.tables.get(&(signal, tenant.clone())).map(Vec::as_slice).unwrap_or_default()
    }

    /// The tenants and signals that have segments.
    pub fn tables(&self) -> impl Iterator<Item = (Signal, &Tenant)> {
        self.tables.keys().map(|(signal, tenant)| (*signal, tenant))
    }

    /// A segment, if it serves.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Arc<FileEntry>> {
        self.by_id.get(&id)
    }

    /// Every write-ahead log file of a smaller sequence is in these segments.
    #[must_use]
    pub fn wal_covered(&self) -> u64 {
        self.wal_covered
    }

    /// Grows with each change.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn changed(&self, change: &Change) -> Self {
        let mut next = self.clone();
        next.generation += 1;
        for entry in change.remove.iter().filter_map(|id| next.by_id.remove(id)) {
            let key = (entry.signal, entry.tenant.clone());
            if let Some(table) = next.tables.get_mut(&key) {
                table.retain(|file| file.id != entry.id);
                if table.is_empty() {
                    next.tables.remove(&key);
                }
            }
        }
        for entry in &change.add {
            let entry = Arc::new(entry.clone());
            let table = next.tables.entry((entry.signal, entry.tenant.clone())).or_default();
            let newest_first = |file: &Arc<FileEntry>| std::cmp::Reverse((file.t_max, file.id));
            let at = table.partition_point(|file| newest_first(file) < newest_first(&entry));
            table.insert(at, Arc::clone(&entry));
            next.by_id.insert(entry.id, entry);
        }
        next.wal_covered = change.wal_covered.unwrap_or(next.wal_covered).max(next.wal_covered);
        next
    }
}
