//! Looking through the log directory.

use std::io;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::wal::cursor::Cursor;
use crate::wal::disk::Disk;
use crate::wal::layout::FIRST_RECORD;
use crate::wal::position_file;
use crate::wal::record::Position;

/// What is in the log directory.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Log files with an intact header, in order.
    pub(super) files: Vec<FoundFile>,
    /// Files without one.
    pub(super) unreadable: Vec<(u64, PathBuf)>,
    /// Readers and their positions.
    pub(super) readers: Vec<(String, Position)>,
    /// The largest sequence of any file.
    pub(super) last: u64,
}

/// A log file.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) sequence: u64,
    pub(super) cursor: Cursor,
    pub(super) bytes: u64,
    /// Where its last synced record ends, if the file after it says so.
    pub(super) end: Option<u64>,
}

/// Lists the directory, removes what is only leftover, opens every log file.
pub(super) fn look(disk: &dyn Disk, dir: &Path) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut logs = Vec::new();
    let list = disk.list(dir).map_err(|error| Error::io("list", dir, error))?;
    for path in list {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("wal") => logs.extend(sequence(&path).map(|sequence| (sequence, path))),
            Some("spare" | "position-new") => {
                disk.remove(&path).map_err(|error| Error::io("remove", &path, error))?;
            }
            Some("position") => {
                let read =
                    position_file::read(disk, &path).map_err(|error| Error::io("read", &path, error))?;
                match read {
                    Some(reader) => found.readers.push(reader),
                    None => {
                        tracing::error!(path = %path.display(), "a reader's position is damaged; it starts at the end of the log")
                    }
                }
            }
            _ => {}
        }
    }
    logs.sort();
    found.last = logs.last().map_or(0, |(sequence, _)| *sequence);
    for (sequence, path) in logs {
        look_at(disk, sequence, path, &mut found).map_err(|(path, error)| Error::io("read", &path, error))?;
    }
    for index in 1..found.files.len() {
        let next = found.files.get(index).map(|next| (next.sequence, next.cursor.header().previous_end));
        if let (Some((sequence, end)), Some(file)) = (next, found.files.get_mut(index - 1))
            && sequence == file.sequence + 1
            && end >= FIRST_RECORD
        {
            file.end = Some(end);
        }
    }
    Ok(found)
}

fn look_at(
    disk: &dyn Disk,
    sequence: u64,
    path: PathBuf,
    found: &mut Found,
) -> Result<(), (PathBuf, io::Error)> {
    let opened = Cursor::open(disk, &path).and_then(|cursor| Ok((cursor, disk.open(&path)?.size()?)));
    let (cursor, bytes) = opened.map_err(|error| (path.clone(), error))?;
    match cursor {
        Some(cursor) if cursor.header().sequence == sequence => {
            found.files.push(FoundFile { sequence, cursor, bytes, end: None });
        }
        // Being made when the store stopped: its header is synced before the first record is written.
        Some(_) => disk.remove(&path).map_err(|error| (path.clone(), error))?,
        None if is_blank(disk, &path).map_err(|error| (path.clone(), error))? => {
            disk.remove(&path).map_err(|error| (path.clone(), error))?;
        }
        None => found.unreadable.push((sequence, path)),
    }
    Ok(())
}

/// Whether the header was never written.
fn is_blank(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    let mut block = vec![0; FIRST_RECORD as usize];
    let read = disk.open(path)?.read_at(&mut block, 0)?;
    Ok(block.iter().take(read).all(|byte| *byte == 0))
}

fn sequence(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}
