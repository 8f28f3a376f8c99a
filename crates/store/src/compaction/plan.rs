//! What is worth compacting.

use std::collections::BTreeMap;
use std::sync::Arc;

use throughline_model::{Signal, Tenant};

use crate::catalog::{FileEntry, Snapshot};
use crate::config::CompactionConfig;
use crate::segment::properties::ROW_GROUP_ROWS;

/// A flush of at least this many rows is left alone: merging it would cost more than all reads of it gain.
const LARGE_ROWS: u64 = ROW_GROUP_ROWS as u64 / 2;
/// Rows that make a merge worth while before the hour is over.
const MERGE_ROWS: u64 = ROW_GROUP_ROWS as u64;
/// So many small segments of a partition are merged however small they are.
const FILES_MAX: usize = 64;
/// How long after its hour a partition waits for late flushes.
const LATE_NS: i64 = 120_000_000_000;

/// Segments of one partition that are to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What kind of rows they hold.
    pub signal: Signal,
    /// Whose rows they hold.
    pub tenant: Tenant,
    /// At least two, oldest first.
    pub inputs: Vec<Arc<FileEntry>>,
}

/// What is worth compacting now, the fullest partitions first.
#[must_use]
pub fn plan(snapshot: &Snapshot, config: &CompactionConfig, now_ns: i64) -> Vec<Job> {
    if !config.enabled {
        return Vec::new();
    }
    let mut partitions: BTreeMap<&std::path::Path, Vec<&Arc<FileEntry>>> = BTreeMap::new();
    for file in snapshot.files().filter(|file| file.level == 0 && file.rows < LARGE_ROWS) {
        partitions.entry(file.partition()).or_default().push(file);
    }
    let mut jobs: Vec<Job> =
        partitions.into_values().filter_map(|files| job(files, config, now_ns)).collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.inputs.len()));
    jobs
}

fn job(mut files: Vec<&Arc<FileEntry>>, config: &CompactionConfig, now_ns: i64) -> Option<Job> {
    files.sort_by_key(|file| file.id);
    let first = *files.first()?;
    let over = files.iter().all(|file| now_ns > file.partition_end_ns().saturating_add(LATE_NS));
    let (mut rows, mut bytes) = (0, 0);
    let mut inputs = Vec::new();
    for file in files.into_iter().take(FILES_MAX) {
        if !inputs.is_empty()
            && (rows + file.rows > config.rows_target || bytes + file.bytes > config.bytes_max)
        {
            break;
        }
        rows += file.rows;
        bytes += file.bytes;
        inputs.push(Arc::clone(file));
    }
    let many = inputs.len() >= config.files_min.max(2) && rows >= MERGE_ROWS;
    let worth_while = inputs.len() >= 2 && (over || many || inputs.len() >= FILES_MAX);
    worth_while.then(|| Job { signal: first.signal, tenant: first.tenant.clone(), inputs })
}
