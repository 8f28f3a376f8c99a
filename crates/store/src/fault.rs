//! A disk that fails when told to: for tests of what the store promises.
//!
//! It works on real files. It remembers what was written and not synced, and can lose any part of it, as a power failure does;
//! it can be full; it can fail at the n-th operation or at a named [`Point`]. After a crash every operation fails, until the
//! test opens the directory again with a new disk.

mod unsynced;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::wal::disk::{Disk, DiskFile, OsDisk, Point};
use unsynced::{DirChange, Unsynced};

/// How a crash ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process ends: what was written stays.
    Kill,
    /// The power fails: of what was not synced any part may be lost, sector by sector.
    PowerLoss,
}

/// A disk that fails when told to.
#[derive(Debug, Clone)]
pub struct FaultDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    scratch: PathBuf,
    unsynced: Unsynced,
    operations: u64,
    crash_after: Option<(u64, Crash)>,
    crash_at: Option<(Point, Crash)>,
    fail_at: Vec<u64>,
    is_full: bool,
    reserve_is_used: bool,
    has_crashed: bool,
}

impl FaultDisk {
    /// A disk without faults. `scratch` is a directory on the same file system where it keeps what may have to come back.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn new(seed: u64, scratch: &Path) -> io::Result<Self> {
        fs::create_dir_all(scratch)?;
        let state = State {
            random: StdRng::seed_from_u64(seed),
            scratch: scratch.to_owned(),
            unsynced: Unsynced::default(),
            operations: 0,
            crash_after: None,
            crash_at: None,
            fail_at: Vec::new(),
            is_full: false,
            reserve_is_used: false,
            has_crashed: false,
        };
        Ok(Self { state: Arc::new(Mutex::new(state)) })
    }

    /// Crashes in the middle of the operation after `operations` more.
    pub fn crash_after(&self, operations: u64, crash: Crash) {
        let mut state = self.state.lock();
        state.crash_after = Some((state.operations + operations, crash));
    }

    /// Crashes at a point.
    pub fn crash_at(&self, point: Point, crash: Crash) {
        self.state.lock().crash_at = Some((point, crash));
    }

    /// Crashes now.
    ///
    /// # Errors
    /// The real disk failed.
    pub fn crash(&self, crash: Crash) -> io::Result<()> {
        self.state.lock().crash(crash)
    }

    /// Fails the operation after `operations` more, once.
    pub fn fail_after(&self, operations: u64) {
        let mut state = self.state.lock();
        let at = state.operations + operations;
        state.fail_at.push(at);
    }

    /// Makes the disk full, or gives it room again. While it is full no file can be allocated, and a flush fails until the
    /// reserve was given up for it.
    pub fn set_full(&self, is_full: bool) {
        let mut state = self.state.lock();
        state.is_full = is_full;
        state.reserve_is_used = false;
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Whether it has crashed.
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        self.state.lock().has_crashed
    }
}

impl State {
    /// Counts an operation that changes something. `change` is done even by the operation that crashes: the crash then decides
    /// what is left of it.
    fn operation<T>(&mut self, change: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        self.alive()?;
        let number = self.operations;
        self.operations += 1;
        if self.fail_at.contains(&number) {
            return Err(io::Error::other("injected failure"));
        }
        match self.crash_after {
            Some((at, crash)) if number >= at => {
                change(self)?;
                self.crash(crash)?;
                Err(crashed())
            }
            _ => change(self),
        }
    }

    fn alive(&self) -> io::Result<()> {
        if self.has_crashed { Err(crashed()) } else { Ok(()) }
    }

    fn crash(&mut self, crash: Crash) -> io::Result<()> {
        self.has_crashed = true;
        match crash {
            Crash::Kill => Ok(()),
            Crash::PowerLoss => self.unsynced.lose(&mut self.random),
        }
    }

    fn scratch_path(&mut self) -> PathBuf {
        let name: u64 = self.random.random();
        self.scratch.join(format!("{name:016x}"))
    }
}

fn crashed() -> io::Error {
    io::Error::other("the simulated machine has crashed")
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "the simulated disk is full")
}

impl Disk for FaultDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.state.lock().operation(|_| OsDisk.create_dir(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.state.lock().alive()?;
        OsDisk.list(dir)
    }

    fn create(&self, path: &Path, len: u64) -> io::Result<Box<dyn DiskFile>> {
        let inner = self.state.lock().operation(|state| {
            if state.is_full && len > 0 {
                return Err(full());
            }
            let file = OsDisk.create(path, len)?;
            state.unsynced.dir_change(DirChange::Created { path: path.to_owned() });
            Ok(file)
        })?;
        Ok(Box::new(FaultFile { inner, path: path.to_owned(), state: self.state.clone() }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.state.lock().alive()?;
        let inner = OsDisk.open(path)?;
        Ok(Box::new(FaultFile { inner, path: path.to_owned(), state: self.state.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state.lock().operation(|state| {
            let replaced = state.scratch_path();
            let replaced = match fs::rename(to, &replaced) {
                Ok(()) => Some(replaced),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            fs::rename(from, to)?;
            state.unsynced.renamed(from, to);
            state.unsynced.dir_change(DirChange::Renamed {
                from: from.to_owned(),
                to: to.to_owned(),
                replaced,
            });
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state.lock().operation(|state| {
            if path.file_name().is_some_and(|name| name == "reserve") {
                state.reserve_is_used = true;
            }
            let kept = state.scratch_path();
            fs::rename(path, &kept)?;
            state.unsynced.renamed(path, &kept);
            state.unsynced.dir_change(DirChange::Removed { path: path.to_owned(), kept });
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.state.lock().operation(|state| state.unsynced.sync_dir(dir))
    }

    fn reached(&self, point: Point) -> io::Result<()> {
        let mut state = self.state.lock();
        state.alive()?;
        if point == Point::FlushStart && state.is_full && !state.reserve_is_used {
            return Err(full());
        }
        match state.crash_at {
            Some((at, crash)) if at == point => {
                state.crash(crash)?;
                Err(crashed())
            }
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct FaultFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl FaultFile {
    /// What stands in a range now.
    fn before(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let read = self.inner.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl DiskFile for FaultFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.state.lock().alive()?;
        self.inner.read_at(into, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.state.lock().operation(|state| {
            let before = self.before(offset, bytes.len())?;
            state.unsynced.written(&self.path, offset, before);
            self.inner.write_at(bytes, offset)
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.state.lock().operation(|state| {
            state.unsynced.synced(&self.path);
            Ok(())
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.state.lock().alive()?;
        self.inner.size()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.state.lock().operation(|state| {
            let rest = usize::try_from(self.inner.size()?.saturating_sub(len)).unwrap_or(usize::MAX);
            let before = self.before(len, rest)?;
            state.unsynced.written(&self.path, len, before);
            self.inner.truncate(len)
        })
    }
}
