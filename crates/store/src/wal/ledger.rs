//! Which log files exist, who still needs them, and when they go.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use crate::wal::counters::Counters;
use crate::wal::disk::{Disk, DiskFile};
use crate::wal::position_file;
use crate::wal::record::Position;

/// A log file on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogFile {
    /// Allocated bytes.
    pub(crate) bytes: u64,
    /// Where its last written record ends.
    pub(crate) end: u64,
    /// Number of its first record.
    pub(crate) first_number: u64,
}

/// A reader of the log and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerStats {
    /// The reader's name.
    pub name: String,
    /// Number of the next record it needs.
    pub next_number: u64,
    /// Records written and not yet committed by it.
    pub lag_records: u64,
    /// Records it never got because the log was full (`wal.bytes_max`).
    pub dropped_log_full: u64,
}

#[derive(Debug, Clone, Copy)]
struct Consumer {
    position: Position,
    saved: Option<Position>,
    dropped: u64,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, LogFile>,
    consumers: BTreeMap<String, Consumer>,
    covered: u64,
    spares: Vec<(PathBuf, u64)>,
    end: Position,
}

/// The books of the log directory.
#[derive(Debug)]
pub(crate) struct Ledger {
    state: Mutex<State>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    counters: Arc<Counters>,
    spare_bytes: u64,
    spares_max: usize,
}

impl Ledger {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        counters: Arc<Counters>,
        (spare_bytes, spares_max): (u64, usize),
    ) -> Self {
        Self { state: Mutex::default(), disk, dir, counters, spare_bytes, spares_max }
    }

    /// The name of a log file.
    pub(crate) fn path(&self, sequence: u64) -> PathBuf {
        self.dir.join(format!("{sequence:016}.wal"))
    }

    /// Takes a file into the books.
    pub(crate) fn add_file(&self, sequence: u64, file: LogFile) {
        self.state.lock().files.insert(sequence, file);
    }

    /// The writer has come to `end`.
    pub(crate) fn wrote(&self, end: Position) {
        let mut state = self.state.lock();
        if let Some(file) = state.files.get_mut(&end.file) {
            file.end = end.offset;
        }
        state.end = end;
    }

    /// Where the log ends.
    pub(crate) fn end(&self) -> Position {
        self.state.lock().end
    }

    /// Files and their bytes.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.files.len() as u64, state.files.values().map(|file| file.bytes).sum())
    }

    /// The first file at or after `sequence`, and where it ends.
    pub(crate) fn file_from(&self, sequence: u64) -> Option<(u64, LogFile)> {
        self.state.lock().files.range(sequence..).next().map(|(sequence, file)| (*sequence, *file))
    }

    /// Everything in files before `covered` is in segments.
    pub(crate) fn set_covered(&self, covered: u64) {
        let mut state = self.state.lock();
        state.covered = state.covered.max(covered);
    }

    /// Removes the files that nobody needs.
    pub(crate) fn release(&self) {
        let mut state = self.state.lock();
        let needed =
            state.consumers.values().map(|consumer| consumer.position.file).min().unwrap_or(u64::MAX);
        let keep = needed.min(state.covered);
        self.remove_before(&mut state, keep);
    }

    /// Makes room for `bytes` more within `bytes_max`, if need be by taking records from readers that lag.
    ///
    /// False when what is not yet in segments fills the log.
    pub(crate) fn make_room(&self, bytes: u64, bytes_max: u64) -> bool {
        let mut state = self.state.lock();
        let mut held: u64 = state.files.values().map(|file| file.bytes).sum();
        if held + bytes <= bytes_max {
            return true;
        }
        let covered = state.covered;
        let mut keep = 0;
        for (sequence, file) in state.files.range(..covered) {
            keep = sequence + 1;
            held -= file.bytes;
            if held + bytes <= bytes_max {
                break;
            }
        }
        let end = state.end;
        let next = state.files.range(keep..).next().map(|(sequence, file)| (*sequence, file.first_number));
        let (file, number) = next.unwrap_or((keep, end.number));
        for (name, consumer) in &mut state.consumers {
            if consumer.position.file < keep {
                let lost = number.saturating_sub(consumer.position.number);
                consumer.dropped += lost;
                consumer.position = Position { file, offset: 0, number };
                tracing::warn!(reader = %name, records = lost, "the log is full: a reader that lags lost its oldest records");
            }
        }
        self.remove_before(&mut state, keep);
        held + bytes <= bytes_max || state.files.is_empty()
    }

    fn remove_before(&self, state: &mut State, keep: u64) {
        let rest = state.files.split_off(&keep);
        let gone = std::mem::replace(&mut state.files, rest);
        for (sequence, file) in gone {
            let path = self.path(sequence);
            let reuse = file.bytes == self.spare_bytes && state.spares.len() < self.spares_max;
            let done = if reuse {
                let spare = self.dir.join(format!("{sequence:016}.spare"));
                self.disk.rename(&path, &spare).map(|()| state.spares.push((spare, file.bytes)))
            } else {
                self.disk.remove(&path)
            };
            if let Err(error) = done {
                // The file is of no use to anyone; the next start removes it.
                self.counters.housekeeping_failed();
                tracing::warn!(path = %path.display(), %error, "cannot remove a log file");
            }
        }
    }

    /// A used file under its new name, when there is one of at least `bytes`.
    pub(crate) fn reuse(&self, to: &Path, bytes: u64) -> io::Result<Option<(Box<dyn DiskFile>, u64)>> {
        let spare = {
            let mut state = self.state.lock();
            let found = state.spares.iter().position(|(_, len)| *len >= bytes);
            found.map(|index| state.spares.swap_remove(index))
        };
        let Some((path, len)) = spare else { return Ok(None) };
        self.disk.rename(&path, to)?;
        Ok(Some((self.disk.open(to)?, len)))
    }

    /// Gives up the spare files, for their room.
    pub(crate) fn drop_spares(&self) {
        for (path, _) in std::mem::take(&mut self.state.lock().spares) {
            if let Err(error) = self.disk.remove(&path) {
                self.counters.housekeeping_failed();
                tracing::warn!(path = %path.display(), %error, "cannot remove a spare log file");
            }
        }
    }

    /// Registers a reader; one that is new starts at the end of the log.
    pub(crate) fn register(&self, name: &str, saved: Option<Position>) -> Position {
        let mut state = self.state.lock();
        let end = state.end;
        let consumer = state.consumers.entry(name.to_owned()).or_insert_with(|| Consumer {
            position: saved.unwrap_or(end),
            saved,
            dropped: 0,
        });
        consumer.position
    }

    /// Forgets every reader that is not named.
    pub(crate) fn retain_consumers(&self, names: &[&str]) {
        let mut state = self.state.lock();
        state.consumers.retain(|name, _| {
            let keep = names.contains(&name.as_str());
            if !keep && let Err(error) = position_file::remove(self.disk.as_ref(), &self.dir, name) {
                self.counters.housekeeping_failed();
                tracing::warn!(reader = %name, %error, "cannot forget a reader's position");
            }
            keep
        });
    }

    /// A reader is done with everything before `position`. It never goes back.
    pub(crate) fn commit(&self, name: &str, position: Position) {
        if let Some(consumer) = self.state.lock().consumers.get_mut(name) {
            consumer.position = consumer.position.max(position);
        }
    }

    /// How far a reader is, overflow included.
    pub(crate) fn position(&self, name: &str) -> Option<Position> {
        self.state.lock().consumers.get(name).map(|consumer| consumer.position)
    }

    /// Writes the positions that changed.
    pub(crate) fn save_positions(&self) {
        let changed: Vec<(String, Position)> = {
            let state = self.state.lock();
            let changed =
                state.consumers.iter().filter(|(_, consumer)| consumer.saved != Some(consumer.position));
            changed.map(|(name, consumer)| (name.clone(), consumer.position)).collect()
        };
        for (name, position) in changed {
            match position_file::write(self.disk.as_ref(), &self.dir, &name, position) {
                Ok(()) => {
                    if let Some(consumer) = self.state.lock().consumers.get_mut(&name) {
                        consumer.saved = Some(position);
                    }
                }
                Err(error) => {
                    self.counters.housekeeping_failed();
                    tracing::warn!(reader = %name, %error, "cannot save a reader's position; it may send records twice after a crash");
                }
            }
        }
    }

    /// Every reader.
    pub(crate) fn consumers(&self) -> Vec<ConsumerStats> {
        let state = self.state.lock();
        let stats = |(name, consumer): (&String, &Consumer)| ConsumerStats {
            name: name.clone(),
            next_number: consumer.position.number,
            lag_records: state.end.number.saturating_sub(consumer.position.number),
            dropped_log_full: consumer.dropped,
        };
        state.consumers.iter().map(stats).collect()
    }
}
