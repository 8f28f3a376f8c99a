//! Disk space held back for the flush, so that a full disk can be emptied.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::wal::disk::Disk;

/// A file of allocated, unused bytes.
#[derive(Debug)]
pub(crate) struct Reserve {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    bytes: u64,
    held: Mutex<bool>,
}

impl Reserve {
    pub(crate) fn new(disk: Arc<dyn Disk>, data_dir: &Path, bytes: u64) -> Self {
        Self { disk, path: path(data_dir), bytes, held: Mutex::new(false) }
    }

    /// Gives up what an earlier owner of the directory held; false when there was nothing.
    pub(crate) fn remove_left_over(disk: &dyn Disk, data_dir: &Path) -> bool {
        disk.remove(&path(data_dir)).is_ok()
    }

    /// Holds the space back again, if it is not held and there is room.
    pub(crate) fn hold(&self) {
        let mut held = self.held.lock();
        if *held || self.bytes == 0 {
            return;
        }
        match self.disk.create(&self.path, self.bytes) {
            Ok(_) => *held = true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => *held = true,
            Err(error) => tracing::debug!(%error, "no room for the flush's reserve yet"),
        }
    }

    /// Gives the space up; false when it was not held.
    pub(crate) fn give_up(&self) -> bool {
        let mut held = self.held.lock();
        if !*held {
            return false;
        }
        match self.disk.remove(&self.path) {
            Ok(()) => *held = false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => *held = false,
            Err(error) => tracing::warn!(%error, "cannot give up the flush's reserve"),
        }
        !*held
    }
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("reserve")
}
