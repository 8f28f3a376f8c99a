//! The thread that writes the log: takes what waits, writes it in one piece, syncs once, publishes and answers.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use throughline_model::Clock;
use tokio::sync::watch;

use crate::config::{Durability, WalConfig};
use crate::live::Live;
use crate::store::lock::DirLock;
use crate::wal::Start;
use crate::wal::counters::Counters;
use crate::wal::disk::{Disk, DiskFile};
use crate::wal::layout::{FIRST_RECORD, FileHeader};
use crate::wal::ledger::{Ledger, LogFile};
use crate::wal::queue::{Job, Queue};
use crate::wal::record::Position;
use crate::{Error, error::RETRY_STORAGE};

/// The delay asked of clients when the log holds as much as it may.
const RETRY_LOG_FULL: Duration = Duration::from_secs(2);

/// What the writer works with.
pub(crate) struct Parts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: WalConfig,
    pub(crate) durability: Durability,
    pub(crate) queue: Arc<Queue>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) live: Arc<Live>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) written: watch::Sender<Position>,
    /// Held until the last byte is written.
    pub(crate) _lock: Arc<DirLock>,
}

/// The writer's state.
pub(crate) struct Writer {
    parts: Parts,
    active: Option<Active>,
    next_file: u64,
    next_number: u64,
    previous_end: u64,
    group: Vec<u8>,
    sync_due: Option<Instant>,
}

/// The file being written.
struct Active {
    file: Box<dyn DiskFile>,
    sequence: u64,
    salt: u64,
    bytes: u64,
    offset: u64,
}

impl Writer {
    /// A writer whose first record goes to a new file.
    pub(crate) fn new(parts: Parts, start: Start) -> Self {
        Self {
            parts,
            active: None,
            next_file: start.file,
            next_number: start.number,
            previous_end: start.previous_end,
            group: Vec::new(),
            sync_due: None,
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        loop {
            let work = self.parts.queue.take(self.parts.config.group_bytes_max, self.sync_due);
            if !work.jobs.is_empty() {
                self.write(work.jobs);
            }
            if work.closed || self.sync_due.is_some_and(|due| due <= Instant::now()) {
                self.sync_late();
            }
            for seal in work.seals {
                let next = self.seal();
                if seal.send(next).is_err() {
                    tracing::debug!("nobody waits for the sealed log any more");
                }
            }
            if work.closed {
                return;
            }
        }
    }

    /// Writes a group, over as many files as it takes.
    fn write(&mut self, mut jobs: VecDeque<Job>) {
        while let Some(first) = jobs.front() {
            if let Err(error) = self.make_room(first.entry.stored_len()) {
                self.refuse(jobs, &error);
                return;
            }
            let Some(active) = self.active.as_ref() else { return };
            let salt = active.salt;
            let room = active.bytes - active.offset;
            self.group.clear();
            let mut chunk = VecDeque::new();
            while let Some(job) = jobs.pop_front() {
                if self.group.len() as u64 + job.entry.stored_len() > room {
                    jobs.push_front(job);
                    break;
                }
                job.entry.encode(self.next_number, salt, &mut self.group);
                self.next_number += 1;
                chunk.push_back(job);
            }
            if let Err(error) = self.commit_group(chunk.len() as u64) {
                let error = refusal(&error);
                // A gap in the numbers would look like lost records.
                self.next_number -= chunk.len() as u64;
                self.abandon();
                chunk.append(&mut jobs);
                self.refuse(chunk, &error);
                return;
            }
            self.publish(chunk);
        }
        if self.group.capacity() > 2 * self.parts.config.group_bytes_max {
            self.group = Vec::new();
        }
    }

    /// Writes the encoded group and, in strict durability, syncs it.
    fn commit_group(&mut self, records: u64) -> io::Result<()> {
        let Some(active) = self.active.as_mut() else { return Err(io::Error::other("no log file is open")) };
        if let Err(error) = active.file.write_at(&self.group, active.offset) {
            self.parts.counters.write_failed();
            return Err(error);
        }
        match self.parts.durability {
            Durability::Strict => {
                if let Err(error) = active.file.sync() {
                    self.parts.counters.sync_failed();
                    return Err(error);
                }
                self.parts.counters.synced();
            }
            Durability::Relaxed => {
                let window = self.parts.config.relaxed_window;
                self.sync_due.get_or_insert_with(|| Instant::now() + window);
            }
        }
        active.offset += self.group.len() as u64;
        let end = Position { file: active.sequence, offset: active.offset, number: self.next_number };
        self.parts.counters.wrote(records, self.group.len() as u64);
        self.parts.ledger.wrote(end);
        Ok(())
    }

    /// Shows the rows and answers the requests.
    fn publish(&self, jobs: VecDeque<Job>) {
        for job in jobs {
            self.parts.live.publish(job.entry.tenant(), job.entry.signal(), job.batch);
            if job.done.send(Ok(())).is_err() {
                tracing::trace!("the client of a stored request is gone");
            }
        }
        self.parts.written.send_replace(self.parts.ledger.end());
    }

    fn refuse(&self, jobs: VecDeque<Job>, error: &Refused) {
        let count = jobs.len() as u64;
        for job in jobs {
            self.parts.live.release(job.batch.get_array_memory_size());
            if job.done.send(Err(error.to_error())).is_err() {
                tracing::trace!("the client of a refused request is gone");
            }
        }
        self.parts.counters.refused(error.to_error().kind(), count);
    }

    /// Makes sure that a file is open with room for one record of this length.
    fn make_room(&mut self, len: u64) -> Result<(), Refused> {
        if self.active.as_ref().is_some_and(|active| active.bytes - active.offset >= len) {
            return Ok(());
        }
        self.close_active();
        let bytes = self.parts.config.segment_bytes.max(FIRST_RECORD + len);
        if !self.parts.ledger.make_room(bytes, self.parts.config.bytes_max) {
            self.parts.live.want_flush();
            return Err(Refused::LogFull);
        }
        match self.create(bytes) {
            Ok(active) => {
                self.next_file = active.sequence + 1;
                self.active = Some(active);
                Ok(())
            }
            Err(error) => {
                self.parts.counters.write_failed();
                Err(refusal(&error))
            }
        }
    }

    /// Makes the next file: allocated, its header and its name durable.
    fn create(&mut self, bytes: u64) -> io::Result<Active> {
        let ledger = &self.parts.ledger;
        let path = ledger.path(self.next_file);
        let (file, bytes) = match ledger.reuse(&path, bytes)? {
            Some(reused) => reused,
            None => (self.parts.disk.create(&path, bytes)?, bytes),
        };
        let header = FileHeader {
            sequence: self.next_file,
            first_number: self.next_number,
            previous_end: self.previous_end,
            salt: rand::random(),
            created_ns: self.parts.clock.now_ns(),
        };
        let made = file
            .write_at(&header.encode(), 0)
            .and_then(|()| file.sync())
            .and_then(|()| path.parent().map_or(Ok(()), |dir| self.parts.disk.sync_dir(dir)));
        if let Err(error) = made {
            if self.parts.disk.remove(&path).is_err() {
                // The name stays taken; the next start sees a file without records.
                self.parts.counters.housekeeping_failed();
                self.next_file += 1;
            }
            return Err(error);
        }
        let sequence = self.next_file;
        self.parts
            .ledger
            .add_file(sequence, LogFile { bytes, end: FIRST_RECORD, first_number: self.next_number });
        Ok(Active { file, sequence, salt: header.salt, bytes, offset: FIRST_RECORD })
    }

    /// Leaves the current file, synced.
    fn close_active(&mut self) {
        self.sync_late();
        if let Some(active) = self.active.take() {
            self.previous_end = active.offset;
        }
    }

    /// Leaves a file after a failure: what was written last may be there in part, and must not be taken for a record.
    fn abandon(&mut self) {
        let Some(active) = self.active.take() else { return };
        self.sync_due = None;
        self.previous_end = active.offset;
        let cut = active.file.truncate(active.offset).and_then(|()| active.file.sync());
        if let Err(error) = cut {
            self.parts.counters.housekeeping_failed();
            tracing::warn!(file = active.sequence, %error, "cannot cut a failed write off the log");
        }
    }

    /// Relaxed durability: syncs what was acknowledged before.
    fn sync_late(&mut self) {
        if self.sync_due.take().is_none() {
            return;
        }
        let Some(active) = self.active.as_ref() else { return };
        match active.file.sync() {
            Ok(()) => self.parts.counters.synced(),
            Err(error) => {
                self.parts.counters.sync_failed();
                tracing::error!(file = active.sequence, %error, "acknowledged requests may not survive a power loss");
                self.abandon();
            }
        }
    }

    /// Closes the current file and freezes live data: both end at the same record.
    fn seal(&mut self) -> u64 {
        self.close_active();
        self.parts.live.freeze(self.next_file);
        self.next_file
    }
}

/// Why a group was refused; kept apart from [`Error`] because every request of the group gets its own.
enum Refused {
    LogFull,
    Storage { full: bool, text: String },
}

fn refusal(error: &io::Error) -> Refused {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    tracing::warn!(%error, "the write-ahead log cannot be written; requests are refused");
    Refused::Storage { full, text: error.to_string() }
}

impl Refused {
    fn to_error(&self) -> Error {
        match self {
            Self::LogFull => {
                Error::overloaded("the write-ahead log is full and waits for a flush", RETRY_LOG_FULL)
            }
            Self::Storage { full: true, text } => Error::unavailable("the disk is full", RETRY_STORAGE)
                .with_source(io::Error::new(io::ErrorKind::StorageFull, text.clone())),
            Self::Storage { full: false, text } => {
                Error::unavailable("the write-ahead log cannot be written", RETRY_STORAGE)
                    .with_source(io::Error::other(text.clone()))
            }
        }
    }
}
