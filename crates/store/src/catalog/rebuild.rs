//! What the directory holds, and the catalog made anew from it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hashbrown::HashSet;
use parquet::file::reader::Length;
use rusqlite::Connection;
use throughline_model::schema;

use crate::catalog::open::CatalogReport;
use crate::catalog::{FileEntry, FileId, sidecar_path, table};
use crate::error::Error;
use crate::segment::footer::Footer;
use crate::segment::write::{TEMPORARY, create_dir_synced, sync_dir};
use crate::segment::{SegmentFile, SegmentMeta};

/// The segment files of a data directory; paths are relative to it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) segments: Vec<(FileId, PathBuf)>,
    pub(super) sidecars: Vec<(FileId, PathBuf)>,
    pub(super) temporary: Vec<PathBuf>,
}

impl Found {
    pub(super) fn has_segment(&self, id: FileId) -> bool {
        self.segments.iter().any(|(found, _)| *found == id)
    }
}

/// Lists `segments/<signal>/<tenant>/<hour>/*`.
pub(super) fn walk(data_dir: &Path) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut level = vec![PathBuf::from("segments")];
    for _ in 0..4 {
        let mut below = Vec::new();
        for directory in &level {
            let full = data_dir.join(directory);
            let entries = match fs::read_dir(&full) {
                Ok(entries) => entries,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
                {
                    continue;
                }
                Err(error) => return Err(Error::io("list", &full, error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| Error::io("list", &full, error))?;
                below.push(directory.join(entry.file_name()));
            }
        }
        level = below;
    }
    level.sort();
    for path in level {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == TEMPORARY) {
            found.temporary.push(path);
        } else if let Some(id) = FileId::of_path(&path) {
            if name.ends_with(".traces.parquet") {
                found.sidecars.push((id, path));
            } else if name.ends_with(".parquet") {
                found.segments.push((id, path));
            }
        }
    }
    Ok(found)
}

/// What a segment says about itself.
pub(super) fn meta(data_dir: &Path, path: &Path) -> Result<SegmentMeta, String> {
    let file = SegmentFile::open_local(&data_dir.join(path)).map_err(|error| error.to_string())?;
    SegmentMeta::read(Footer::load(&file)?.metadata())
}

/// Fills an empty catalog from the footers of the segments; damaged ones go to `quarantine/`.
pub(super) fn fill(
    connection: &mut Connection,
    data_dir: &Path,
    found: &Found,
    report: &mut CatalogReport,
) -> Result<(), Error> {
    let mut entries = Vec::new();
    let mut replaced = HashSet::new();
    for (id, path) in &found.segments {
        match read_entry(data_dir, *id, path) {
            Ok((entry, replaces)) => {
                entries.push(with_sidecar(entry, data_dir, report)?);
                replaced.extend(replaces);
            }
            Err(reason) => {
                quarantine_file(data_dir, path)?;
                quarantine_file(data_dir, &sidecar_path(path))?;
                report.damaged.push((path.clone(), reason));
            }
        }
    }
    let transaction = connection.transaction()?;
    for entry in &entries {
        table::insert(&transaction, entry)?;
        table::cover(&transaction, entry.signal, &entry.tenant, entry.wal_position)?;
        if replaced.contains(&entry.id) {
            // Its rows are in a compacted segment; the next purge deletes the file.
            table::remove(&transaction, entry.id, entry.created_ns)?;
        }
    }
    Ok(transaction.commit()?)
}

fn read_entry(data_dir: &Path, id: FileId, path: &Path) -> Result<(FileEntry, Vec<FileId>), String> {
    let file = SegmentFile::open_local(&data_dir.join(path)).map_err(|error| error.to_string())?;
    let footer = Footer::load(&file)?;
    let meta = SegmentMeta::read(footer.metadata())?;
    let rows = footer.metadata().file_metadata().num_rows();
    if i64::try_from(meta.rows) != Ok(rows) {
        return Err(format!("the footer speaks of {} rows and of {rows}", meta.rows));
    }
    let (tail_offset, tail_crc) = tail(&file, &footer)?;
    let names = footer.reader.schema().fields().iter().map(|field| field.name());
    let entry = FileEntry {
        id,
        signal: meta.signal,
        tenant: meta.tenant,
        level: meta.level,
        path: path.to_owned(),
        t_min: meta.t_min,
        t_max: meta.t_max,
        rows: meta.rows,
        bytes: file.len(),
        sidecar_bytes: 0,
        services: meta.services,
        columns: names.filter(|name| schema::attribute_key(name).is_some()).cloned().collect(),
        schema_version: meta.schema_version,
        wal_position: meta.wal_position,
        created_ns: meta.created_ns,
        tail_offset,
        tail_crc,
        sidecar_tail_offset: 0,
        sidecar_tail_crc: 0,
    };
    Ok((entry, meta.replaces))
}

fn with_sidecar(entry: FileEntry, data_dir: &Path, report: &mut CatalogReport) -> Result<FileEntry, Error> {
    let path = sidecar_path(&entry.path);
    let Ok(file) = SegmentFile::open_local(&data_dir.join(&path)) else { return Ok(entry) };
    match Footer::load(&file).and_then(|footer| tail(&file, &footer)) {
        Ok((sidecar_tail_offset, sidecar_tail_crc)) => {
            Ok(FileEntry { sidecar_bytes: file.len(), sidecar_tail_offset, sidecar_tail_crc, ..entry })
        }
        Err(reason) => {
            quarantine_file(data_dir, &path)?;
            report.damaged.push((path, reason));
            Ok(entry)
        }
    }
}

/// Where the part after the last row group starts, and its checksum.
fn tail(file: &SegmentFile, footer: &Footer) -> Result<(u64, u32), String> {
    let offset = footer.tail_offset();
    let length = file
        .len()
        .checked_sub(offset)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or("a row group reaches past the end")?;
    let bytes = file.read_range(offset, length).map_err(|error| error.to_string())?;
    Ok((offset, crc32c::crc32c(&bytes)))
}

/// Moves a file (relative to the data directory) to `quarantine/`, under a name that tells where it was. A missing one is as good.
pub(crate) fn quarantine_file(data_dir: &Path, path: &Path) -> Result<(), Error> {
    let directory = Path::new("quarantine");
    create_dir_synced(data_dir, directory)?;
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let target = data_dir.join(directory).join(parts.join("_"));
    let source = data_dir.join(path);
    match fs::rename(&source, &target) {
        Ok(()) => sync_dir(&data_dir.join(directory)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("move", &source, error)),
    }
}
