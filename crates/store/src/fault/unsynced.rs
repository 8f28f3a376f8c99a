//! What a power failure may take back.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::StdRng;

/// A disk writes a sector whole or not at all.
const SECTOR: u64 = 512;

/// A change of a directory that is not durable yet.
#[derive(Debug)]
pub(super) enum DirChange {
    Created { path: PathBuf },
    Renamed { from: PathBuf, to: PathBuf, replaced: Option<PathBuf> },
    Removed { path: PathBuf, kept: PathBuf },
}

impl DirChange {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Created { path } | Self::Removed { path, .. } => path.parent(),
            Self::Renamed { to, .. } => to.parent(),
        }
    }

    fn undo(&self) -> io::Result<()> {
        match self {
            Self::Created { path } => fs::remove_file(path),
            Self::Renamed { from, to, replaced } => {
                fs::rename(to, from)?;
                replaced.as_ref().map_or(Ok(()), |replaced| fs::rename(replaced, to))
            }
            Self::Removed { path, kept } => fs::rename(kept, path),
        }
    }

    /// Removes what would have been needed to undo it.
    fn settle(self) -> io::Result<()> {
        match self {
            Self::Renamed { replaced: Some(kept), .. } | Self::Removed { kept, .. } => fs::remove_file(kept),
            Self::Created { .. } | Self::Renamed { replaced: None, .. } => Ok(()),
        }
    }
}

/// Everything that is not durable.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// By file: the offset of each write and what stood there before.
    writes: HashMap<PathBuf, Vec<(u64, Vec<u8>)>>,
    dirs: Vec<DirChange>,
}

impl Unsynced {
    pub(super) fn written(&mut self, path: &Path, offset: u64, before: Vec<u8>) {
        self.writes.entry(path.to_owned()).or_default().push((offset, before));
    }

    pub(super) fn synced(&mut self, path: &Path) {
        self.writes.remove(path);
    }

    pub(super) fn renamed(&mut self, from: &Path, to: &Path) {
        self.writes.remove(to);
        if let Some(writes) = self.writes.remove(from) {
            self.writes.insert(to.to_owned(), writes);
        }
    }

    pub(super) fn dir_change(&mut self, change: DirChange) {
        self.dirs.push(change);
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        let (durable, rest) =
            std::mem::take(&mut self.dirs).into_iter().partition(|change| change.dir() == Some(dir));
        self.dirs = rest;
        let durable: Vec<DirChange> = durable;
        durable.into_iter().try_for_each(DirChange::settle)
    }

    /// Loses a random part: sectors of writes, and the latest changes of directories, which a journal keeps in order.
    pub(super) fn lose(&mut self, random: &mut StdRng) -> io::Result<()> {
        for (path, writes) in &self.writes {
            let file = match OpenOptions::new().write(true).open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            // Now and then everything stays or everything goes.
            let keep = *[0.0, 0.5, 0.9, 1.0].get(random.random_range(0..4_usize)).unwrap_or(&0.5);
            for (offset, before) in writes.iter().rev() {
                let mut at = 0;
                while at < before.len() {
                    let absolute = offset + at as u64;
                    let len = (SECTOR - absolute % SECTOR) as usize;
                    let end = (at + len).min(before.len());
                    if !random.random_bool(keep) {
                        file.write_all_at(before.get(at..end).unwrap_or_default(), absolute)?;
                    }
                    at = end;
                }
            }
        }
        let kept = random.random_range(0..=self.dirs.len());
        for change in self.dirs.drain(kept..).rev() {
            change.undo()?;
        }
        Ok(())
    }
}
