//! All segments of a store: opening them through the footer cache, and setting damaged ones aside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use parquet::errors::ParquetError;
use throughline_model::{Clock, Signal, Tenant};

use crate::catalog::{Catalog, FileEntry, FileId, quarantine_file};
use crate::error::Error;
use crate::segment::file::SegmentFile;
use crate::segment::footer::{Footer, FooterCache, Part};
use crate::segment::reader::SegmentReader;

/// Damage reports kept; later ones are only counted.
const DAMAGE_MAX: usize = 1_000;

/// A segment that could not be read and was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub id: FileId,
    /// Where the file was, relative to the data directory. It is in `quarantine/` now, unless it was missing.
    pub path: PathBuf,
    /// What kind of rows it held.
    pub signal: Signal,
    /// Whose rows it held.
    pub tenant: Tenant,
    /// How many rows are no longer served; 0 for a sidecar, whose rows still are.
    pub rows: u64,
    /// What was found.
    pub reason: String,
}

/// All segments of a store.
#[derive(Debug)]
pub struct Segments {
    data_dir: PathBuf,
    catalog: Arc<Catalog>,
    footers: FooterCache,
    clock: Arc<dyn Clock>,
    damage: Mutex<(Vec<Damage>, u64)>,
}

impl Segments {
    /// The segments that `catalog` knows, below `data_dir`; footers are cached in at most `footer_cache_bytes`.
    #[must_use]
    pub fn new(
        data_dir: &Path,
        catalog: Arc<Catalog>,
        footer_cache_bytes: usize,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let footers = FooterCache::new(footer_cache_bytes);
        Arc::new(Self { data_dir: data_dir.to_owned(), catalog, footers, clock, damage: Mutex::default() })
    }

    /// Opens a segment.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] if it was replaced or dropped long ago, [`crate::ErrorKind::Corrupt`] if it is damaged (it is
    /// set aside by then; go on without it).
    pub fn open(self: &Arc<Self>, entry: &Arc<FileEntry>) -> Result<SegmentReader, Error> {
        let path = self.data_dir.join(&entry.path);
        let file = self.open_file(entry, &path)?;
        let footer = self
            .footers
            .get(entry.id, Part::Rows, || Footer::load_checked(&file, entry.tail_offset, entry.tail_crc));
        let footer = footer.map_err(|reason| self.set_aside(entry, &reason))?;
        Ok(SegmentReader { entry: Arc::clone(entry), footer, file, segments: Arc::clone(self) })
    }

    fn open_file(&self, entry: &Arc<FileEntry>, path: &Path) -> Result<SegmentFile, Error> {
        SegmentFile::open_local(path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound && self.catalog.snapshot().get(entry.id).is_some() {
                self.set_aside(entry, "the file is missing")
            } else {
                Error::io("open", path, error)
            }
        })
    }

    /// The reader of a segment's sidecar, if it has one that can be read.
    pub(crate) fn sidecar(self: &Arc<Self>, entry: &Arc<FileEntry>) -> Result<Option<SegmentReader>, Error> {
        let Some(path) = entry.sidecar_path().map(|path| self.data_dir.join(path)) else { return Ok(None) };
        let file = match SegmentFile::open_local(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.catalog.snapshot().get(entry.id).is_some() {
                    self.sidecar_damaged(entry, "the sidecar is missing")?;
                }
                return Ok(None);
            }
            Err(error) => return Err(Error::io("open", &path, error)),
        };
        let load = || Footer::load_checked(&file, entry.sidecar_tail_offset, entry.sidecar_tail_crc);
        match self.footers.get(entry.id, Part::Traces, load) {
            Ok(footer) => {
                Ok(Some(SegmentReader { entry: Arc::clone(entry), footer, file, segments: Arc::clone(self) }))
            }
            Err(reason) => {
                self.sidecar_damaged(entry, &reason)?;
                Ok(None)
            }
        }
    }

    /// What was set aside since the start, and how many more there were than are listed.
    #[must_use]
    pub fn damage(&self) -> (Vec<Damage>, u64) {
        self.damage.lock().clone()
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The directory that holds everything.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Bytes of cached footers.
    #[must_use]
    pub fn footer_bytes(&self) -> usize {
        self.footers.bytes()
    }

    pub(crate) fn forget_footer(&self, id: FileId) {
        self.footers.forget(id);
    }

    /// The error of a failed read: a failing disk is passed on, damaged bytes make the segment go to `quarantine/`.
    pub(crate) fn damaged(&self, entry: &FileEntry, error: &ParquetError) -> Error {
        if let ParquetError::External(source) = error
            && let Some(error) = source.downcast_ref::<io::Error>()
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            return Error::io(
                "read",
                &self.data_dir.join(&entry.path),
                io::Error::new(error.kind(), error.to_string()),
            );
        }
        self.set_aside(entry, &error.to_string())
    }

    /// Takes a damaged segment out of service.
    fn set_aside(&self, entry: &FileEntry, reason: &str) -> Error {
        let found = Error::corrupt(
            self.data_dir.join(&entry.path),
            format!("segment {} is damaged: {reason}", entry.id),
        );
        match self.catalog.quarantine(entry.id, reason, self.clock.now_ns()) {
            // Another reader was faster.
            Ok(false) => return found,
            Ok(true) => {}
            Err(error) => return found.with_source(error),
        }
        self.footers.forget(entry.id);
        self.report(entry, &entry.path, entry.rows, reason);
        let moved = [Some(entry.path.clone()), entry.sidecar_path()];
        match moved.into_iter().flatten().try_for_each(|path| quarantine_file(&self.data_dir, &path)) {
            Ok(()) => found,
            Err(error) => found.with_source(error),
        }
    }

    /// Takes a damaged sidecar out of service; the segment's rows go on being served.
    pub(crate) fn sidecar_damaged(&self, entry: &FileEntry, reason: &str) -> Result<(), Error> {
        if !self.catalog.drop_sidecar(entry.id)? {
            return Ok(());
        }
        self.footers.forget(entry.id);
        let Some(path) = entry.sidecar_path() else { return Ok(()) };
        self.report(entry, &path, 0, reason);
        quarantine_file(&self.data_dir, &path)
    }

    fn report(&self, entry: &FileEntry, path: &Path, rows: u64, reason: &str) {
        tracing::error!(segment = %entry.id, path = %path.display(), rows, reason, "a damaged segment was set aside");
        let damage = Damage {
            id: entry.id,
            path: path.to_owned(),
            signal: entry.signal,
            tenant: entry.tenant.clone(),
            rows,
            reason: reason.to_owned(),
        };
        let mut reports = self.damage.lock();
        if reports.0.len() < DAMAGE_MAX {
            reports.0.push(damage);
        } else {
            reports.1 += 1;
        }
    }
}

/// Removes a file; one that is gone already is as good.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}
