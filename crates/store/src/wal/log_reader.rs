//! A durable queue over the log: reads records in order from a position that survives restarts.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::Error;
use crate::wal::cursor::{Cursor, Step};
use crate::wal::disk::Disk;
use crate::wal::layout::FIRST_RECORD;
use crate::wal::ledger::Ledger;
use crate::wal::record::{Position, WalRecord};

/// Records and bytes read ahead.
const AHEAD_RECORDS_MAX: usize = 64;
const AHEAD_BYTES_MAX: usize = 1024 * 1024;
/// Places of records that were handed out and not committed; the oldest are forgotten, for a later one commits them too.
const HANDED_MAX: usize = 65_536;

/// Reads the log for one consumer. The log keeps what it has not committed, up to `wal.bytes_max`.
#[derive(Debug)]
pub struct LogReader {
    name: Arc<str>,
    ledger: Arc<Ledger>,
    disk: Arc<dyn Disk>,
    written: watch::Receiver<Position>,
    at: Position,
    ahead: VecDeque<WalRecord>,
    cursor: Option<Cursor>,
    handed: Arc<Mutex<VecDeque<Position>>>,
}

/// Commits what a [`LogReader`] handed out, apart from the reader itself.
#[derive(Debug, Clone)]
pub struct LogCommitter {
    name: Arc<str>,
    ledger: Arc<Ledger>,
    handed: Arc<Mutex<VecDeque<Position>>>,
}

impl LogCommitter {
    /// Says that the record of this number and all before it are done with.
    ///
    /// It is on disk within about a second, and at shutdown.
    pub fn commit_through(&self, number: u64) {
        let mut handed = self.handed.lock();
        let mut done = None;
        while handed.front().is_some_and(|next| next.number <= number + 1) {
            done = handed.pop_front();
        }
        drop(handed);
        if let Some(position) = done {
            self.ledger.commit(&self.name, position);
        }
    }
}

/// What one read found.
struct Found {
    records: VecDeque<WalRecord>,
    at: Position,
    cursor: Option<Cursor>,
}

impl LogReader {
    pub(crate) fn new(
        name: &str,
        start: Position,
        ledger: Arc<Ledger>,
        disk: Arc<dyn Disk>,
        written: watch::Receiver<Position>,
    ) -> Self {
        let (ahead, handed) = (VecDeque::new(), Arc::default());
        Self { name: name.into(), ledger, disk, written, at: start, ahead, cursor: None, handed }
    }

    /// The consumer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next record; waits for one. None when the store is closed and everything was read.
    ///
    /// After a restart it begins again after the last committed record, so a record may come twice.
    ///
    /// Loses nothing when the future is dropped.
    ///
    /// # Errors
    /// What the disk says. The same call may be repeated.
    pub async fn next(&mut self) -> Result<Option<WalRecord>, Error> {
        loop {
            if let Some(record) = self.ahead.pop_front() {
                let mut handed = self.handed.lock();
                if handed.len() >= HANDED_MAX {
                    handed.pop_front();
                }
                handed.push_back(record.next);
                drop(handed);
                return Ok(Some(record));
            }
            // Overflow moves a reader's position forward.
            if let Some(position) = self.ledger.position(&self.name)
                && position > self.at
            {
                self.at = position;
                self.cursor = None;
            }
            let end = *self.written.borrow_and_update();
            if self.at.number < end.number {
                self.read(end).await?;
            } else if self.written.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Commits records, also while [`LogReader::next`] waits.
    #[must_use]
    pub fn committer(&self) -> LogCommitter {
        LogCommitter { name: self.name.clone(), ledger: self.ledger.clone(), handed: self.handed.clone() }
    }

    async fn read(&mut self, end: Position) -> Result<(), Error> {
        let ledger = self.ledger.clone();
        let disk = self.disk.clone();
        let at = self.at;
        let cursor = self.cursor.take();
        let name = self.name.clone();
        let work = move || read_ahead(disk.as_ref(), &ledger, &name, at, end, cursor);
        let found = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::cancelled("reading the log was stopped").with_source(error))??;
        self.ahead = found.records;
        self.at = found.at;
        self.cursor = found.cursor;
        Ok(())
    }
}

/// Reads up to the bounds, past damage and over the ends of files.
fn read_ahead(
    disk: &dyn Disk,
    ledger: &Ledger,
    name: &str,
    mut at: Position,
    end: Position,
    mut cursor: Option<Cursor>,
) -> Result<Found, Error> {
    let mut records = VecDeque::new();
    let mut bytes = 0;
    while at.number < end.number && records.len() < AHEAD_RECORDS_MAX && bytes < AHEAD_BYTES_MAX {
        let Some((sequence, file)) = ledger.file_from(at.file) else {
            at = end;
            break;
        };
        if sequence != at.file {
            at = Position { file: sequence, offset: FIRST_RECORD, number: file.first_number.max(at.number) };
        }
        let step = match read_step(disk, ledger, at, file.end, &mut cursor) {
            Ok(step) => step,
            // The file went because the log was full; the books know where to go on.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("read", &ledger.path(sequence), error)),
        };
        match step {
            Some(Step::Record(record)) => {
                at = record.next;
                bytes += record.raw.len();
                records.push_back(record);
            }
            Some(Step::Damage { offset, resume }) => {
                tracing::error!(reader = %name, file = sequence, offset, resume, "the log is damaged; records are skipped");
                at.offset = resume;
            }
            Some(Step::End { .. }) | None => {
                at = Position { file: sequence + 1, offset: FIRST_RECORD, number: at.number };
                cursor = None;
            }
        }
    }
    Ok(Found { records, at, cursor })
}

/// One step of the file that `at` is in; none at its end.
fn read_step(
    disk: &dyn Disk,
    ledger: &Ledger,
    at: Position,
    end: u64,
    cursor: &mut Option<Cursor>,
) -> io::Result<Option<Step>> {
    if cursor
        .as_ref()
        .is_none_or(|open| open.header().sequence != at.file || open.offset() != at.offset.max(FIRST_RECORD))
    {
        *cursor = Cursor::open(disk, &ledger.path(at.file))?.filter(|open| open.header().sequence == at.file);
        if let Some(open) = cursor {
            open.seek(at.offset);
        }
    }
    let Some(open) = cursor else { return Ok(None) };
    open.step_before(end)
}
