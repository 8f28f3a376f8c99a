//! Opening the catalog: rebuild it if need be, then make it and the directory agree.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hashbrown::HashSet;
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;

use crate::catalog::rebuild::{self, Found, quarantine_file};
use crate::catalog::{Catalog, FileEntry, FileId, Snapshot, table};
use crate::error::{Error, ErrorKind};
use crate::segment::remove_file;

/// The catalog's file in the data directory.
const NAME: &str = "catalog.sqlite";

/// What opening the catalog found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogReport {
    /// Segments that serve.
    pub segments: usize,
    /// Why the catalog had to be rebuilt from the segments, if it had.
    pub rebuilt: Option<String>,
    /// Unfinished and uncommitted files that were removed.
    pub leftovers: usize,
    /// Files that cannot be served and why; those that exist were moved to `quarantine/`.
    pub damaged: Vec<(PathBuf, String)>,
}

pub(super) fn open(data_dir: &Path, now_ns: i64) -> Result<(Catalog, CatalogReport), Error> {
    fs::create_dir_all(data_dir).map_err(|error| Error::io("create", data_dir, error))?;
    let mut report = CatalogReport::default();
    let found = rebuild::walk(data_dir)?;
    for path in &found.temporary {
        remove_file(&data_dir.join(path))?;
        report.leftovers += 1;
    }
    let (mut connection, is_new) = connect(data_dir, now_ns, &mut report)?;
    if is_new && !found.segments.is_empty() {
        report.rebuilt.get_or_insert_with(|| "the catalog was missing".to_owned());
        rebuild::fill(&mut connection, data_dir, &found, &mut report)?;
    } else if !is_new {
        check_files(&connection, data_dir, now_ns, &mut report)?;
        sort_out_orphans(&connection, data_dir, &found, &mut report)?;
    }
    let entries = table::live(&connection)?;
    report.segments = entries.len();
    let used = table::ids(&connection)?.into_iter().chain(found.segments.iter().map(|(id, _)| *id));
    let next_id = used.map(|id| id.0).max().unwrap_or(0) + 1;
    let snapshot = Snapshot::new(entries, table::wal_covered(&connection)?);
    let catalog = Catalog {
        connection: Mutex::new(connection),
        snapshot: RwLock::new(Arc::new(snapshot)),
        next_id: AtomicU64::new(next_id),
    };
    Ok((catalog, report))
}

/// Opens the database; one that is damaged is moved away and a new one made.
fn connect(data_dir: &Path, now_ns: i64, report: &mut CatalogReport) -> Result<(Connection, bool), Error> {
    let path = data_dir.join(NAME);
    let existed = path.exists();
    let reason = match connect_to(&path) {
        Ok(opened) => return Ok(opened),
        Err(error) if existed && matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Internal) => {
            error.to_string()
        }
        Err(error) => return Err(error),
    };
    for name in [NAME.to_owned(), format!("{NAME}-wal"), format!("{NAME}-shm")] {
        let old = data_dir.join(&name);
        if old.exists() {
            let kept = PathBuf::from(format!("{name}.{now_ns}"));
            fs::rename(&old, data_dir.join(&kept)).map_err(|error| Error::io("rename", &old, error))?;
            quarantine_file(data_dir, &kept)?;
        }
    }
    report.rebuilt = Some(reason.clone());
    report.damaged.push((PathBuf::from(NAME), reason));
    connect_to(&path)
}

fn connect_to(path: &Path) -> Result<(Connection, bool), Error> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > table::VERSION {
        return Err(Error::invalid(format!(
            "the catalog has version {version}; this program knows {}",
            table::VERSION
        ))
        .at_path(path));
    }
    if version == 0 {
        table::create(&mut connection)?;
        return Ok((connection, true));
    }
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Error::corrupt(path, format!("the catalog is damaged: {verdict}")));
    }
    table::live(&connection)?;
    Ok((connection, false))
}

/// Takes segments out of service whose files are missing or have another length.
fn check_files(
    connection: &Connection,
    data_dir: &Path,
    now_ns: i64,
    report: &mut CatalogReport,
) -> Result<(), Error> {
    for entry in table::live(connection)? {
        let Some(reason) = wrong_file(data_dir, &entry.path, entry.bytes) else {
            check_sidecar(connection, data_dir, &entry, report)?;
            continue;
        };
        table::quarantine(connection, entry.id, &reason, now_ns)?;
        for path in [Some(entry.path.clone()), entry.sidecar_path()].into_iter().flatten() {
            quarantine_file(data_dir, &path)?;
        }
        report.damaged.push((entry.path, reason));
    }
    Ok(())
}

fn check_sidecar(
    connection: &Connection,
    data_dir: &Path,
    entry: &FileEntry,
    report: &mut CatalogReport,
) -> Result<(), Error> {
    let Some(path) = entry.sidecar_path() else { return Ok(()) };
    let Some(reason) = wrong_file(data_dir, &path, entry.sidecar_bytes) else { return Ok(()) };
    table::drop_sidecar(connection, entry.id)?;
    quarantine_file(data_dir, &path)?;
    report.damaged.push((path, reason));
    Ok(())
}

fn wrong_file(data_dir: &Path, path: &Path, bytes: u64) -> Option<String> {
    match fs::metadata(data_dir.join(path)) {
        Ok(metadata) if metadata.len() == bytes => None,
        Ok(metadata) => Some(format!("the file has {} bytes instead of {bytes}", metadata.len())),
        Err(error) => Some(error.to_string()),
    }
}

/// Removes segments that a crash kept from being committed; their rows are in the write-ahead log or in the segments they were
/// to replace. Whatever else the catalog does not know is moved away, not deleted.
fn sort_out_orphans(
    connection: &Connection,
    data_dir: &Path,
    found: &Found,
    report: &mut CatalogReport,
) -> Result<(), Error> {
    let known: HashSet<FileId> = table::ids(connection)?.into_iter().collect();
    let live: HashSet<FileId> = table::live(connection)?.into_iter().map(|entry| entry.id).collect();
    let wal_covered = table::wal_covered(connection)?;
    for (id, path) in found.segments.iter().filter(|(id, _)| !known.contains(id)) {
        let redundant = match rebuild::meta(data_dir, path) {
            Ok(meta) if meta.replaces.is_empty() => {
                let covered = table::covered(connection, meta.signal, &meta.tenant)?.max(wal_covered);
                meta.wal_position > covered
            }
            Ok(meta) => meta.replaces.iter().all(|id| live.contains(id)),
            Err(_) => false,
        };
        for path in [path.clone(), crate::catalog::sidecar_path(path)] {
            if redundant {
                remove_file(&data_dir.join(&path))?;
            } else {
                quarantine_file(data_dir, &path)?;
            }
        }
        if redundant {
            report.leftovers += 1;
        } else {
            report.damaged.push((path.clone(), format!("the catalog does not know segment {id}")));
        }
    }
    for (id, path) in found.sidecars.iter().filter(|(id, _)| !known.contains(id) && !found.has_segment(*id)) {
        tracing::debug!(segment = %id, "removing a sidecar without a segment");
        remove_file(&data_dir.join(path))?;
        report.leftovers += 1;
    }
    Ok(())
}
