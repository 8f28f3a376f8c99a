//! Retention: drops whole segments by age and by total size, and deletes the files of what serves no longer.
//!
//! A segment first leaves the catalog, so that no query starts on it, and is deleted after a grace period, so that queries that
//! began before can end. Both steps are in the catalog: a crash between them is made up for by the next round.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Catalog, Change, Commit, FileEntry, FileId, Snapshot, sidecar_path};
use crate::config::RetentionConfig;
use crate::error::Error;
use crate::segment::{Segments, remove_file};

/// Segments that retention drops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drop {
    /// Those older than the limit.
    pub by_age: Vec<FileId>,
    /// The oldest of the rest, as all together were too large.
    pub by_bytes: Vec<FileId>,
}

/// What a round of retention did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Segments dropped.
    pub segments: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is to be dropped now.
#[must_use]
pub fn plan(snapshot: &Snapshot, config: &RetentionConfig, now_ns: i64) -> Drop {
    let mut files: Vec<&Arc<FileEntry>> = snapshot.files().collect();
    files.sort_by_key(|file| (file.age_time_ns(), file.id));
    let limit_ns = nanoseconds(config.age_max);
    let is_old = |file: &FileEntry| limit_ns > 0 && file.age_time_ns() < now_ns.saturating_sub(limit_ns);
    let mut bytes: u64 = files.iter().filter(|file| !is_old(file)).map(|file| file.total_bytes()).sum();
    let mut drop = Drop::default();
    for file in files {
        if is_old(file) {
            drop.by_age.push(file.id);
        } else if config.bytes_max > 0 && bytes > config.bytes_max {
            bytes -= file.total_bytes();
            drop.by_bytes.push(file.id);
        }
    }
    drop
}

/// Drops what is too old or too much.
///
/// # Errors
/// The catalog cannot be written.
pub fn run(catalog: &Catalog, config: &RetentionConfig, now_ns: i64) -> Result<Dropped, Error> {
    let snapshot = catalog.snapshot();
    let Drop { by_age, by_bytes } = plan(&snapshot, config, now_ns);
    let mut dropped = Dropped::default();
    for id in by_age.into_iter().chain(by_bytes) {
        // One by one: a compaction that replaces one of them meanwhile must not keep the others alive.
        let change = Change { remove: vec![id], now_ns, ..Change::default() };
        if let (Commit::Done, Some(file)) = (catalog.commit(&change)?, snapshot.get(id)) {
            dropped.segments += 1;
            dropped.rows += file.rows;
            dropped.bytes += file.total_bytes();
        }
    }
    Ok(dropped)
}

/// Deletes the files of segments that stopped serving at least `grace` ago; returns how many segments.
///
/// # Errors
/// A file cannot be deleted; the next round tries again.
pub fn purge(segments: &Segments, grace: Duration, now_ns: i64) -> Result<usize, Error> {
    let catalog = segments.catalog();
    let removed = catalog.removed_before(now_ns.saturating_sub(nanoseconds(grace)))?;
    let mut ids = Vec::with_capacity(removed.len());
    for file in &removed {
        let path = segments.data_dir().join(&file.path);
        remove_file(&sidecar_path(&path))?;
        remove_file(&path)?;
        segments.forget_footer(file.id);
        if let Some(directory) = path.parent() {
            // Fails as long as the directory holds anything, which is as it should be.
            fs::remove_dir(directory).ok();
        }
        ids.push(file.id);
    }
    catalog.forget(&ids)?;
    Ok(ids.len())
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
