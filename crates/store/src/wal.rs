//! The write-ahead log: every accepted request as it came, synced before it is acknowledged.
//!
//! One thread writes. It takes everything that waits, writes it in one piece to a preallocated file and syncs once for all of
//! it (group commit). Rows become visible in live data, and requests are answered, only after that. The log's consumers are the
//! flush, whose position is in the catalog, and any number of [`LogReader`]s, which keep their own. The bytes are described in
//! `docs/format/wal.md`.

pub(crate) mod counters;
pub(crate) mod cursor;
pub mod disk;
pub(crate) mod layout;
pub(crate) mod ledger;
mod log_reader;
pub(crate) mod position_file;
pub(crate) mod queue;
pub(crate) mod record;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::RecordBatch;
use parking_lot::Mutex;
use throughline_model::Clock;
use tokio::sync::{oneshot, watch};

pub use counters::WalStats;
pub use ledger::ConsumerStats;
pub use log_reader::{LogCommitter, LogReader};
pub use record::{Position, WalRecord};

use crate::Error;
use crate::config::{Durability, WalConfig};
use crate::live::Live;
use crate::store::lock::DirLock;
use counters::Counters;
use disk::Disk;
use ledger::Ledger;
use queue::{Job, Queue};
use record::Entry;
use writer::{Parts, Writer};

/// What a log needs to start.
#[derive(Debug)]
pub(crate) struct WalParts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: WalConfig,
    pub(crate) durability: Durability,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) live: Arc<Live>,
    pub(crate) lock: Arc<DirLock>,
}

/// Where a log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The first new file.
    pub(crate) file: u64,
    /// The first new record.
    pub(crate) number: u64,
    /// Where the last file before ends; 0 when there is none.
    pub(crate) previous_end: u64,
}

/// The log, open for appending.
#[derive(Debug)]
pub(crate) struct Wal {
    queue: Arc<Queue>,
    ledger: Arc<Ledger>,
    live: Arc<Live>,
    counters: Arc<Counters>,
    disk: Arc<dyn Disk>,
    written: watch::Receiver<Position>,
    record_bytes_max: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Starts the writer.
    pub(crate) fn start(parts: WalParts, start: Start) -> Result<Self, Error> {
        let WalParts { disk, clock, config, durability, ledger, counters, live, lock } = parts;
        let queue = Arc::new(Queue::new(&config));
        let end =
            Position { file: start.file.saturating_sub(1), offset: start.previous_end, number: start.number };
        ledger.wrote(end);
        let (sender, written) = watch::channel(end);
        let record_bytes_max = config.record_bytes_max;
        let writer = Writer::new(
            Parts {
                disk: disk.clone(),
                clock,
                config,
                durability,
                queue: queue.clone(),
                ledger: ledger.clone(),
                live: live.clone(),
                counters: counters.clone(),
                written: sender,
                _lock: lock,
            },
            start,
        );
        let thread = std::thread::Builder::new()
            .name("throughline-wal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Error::internal("cannot start the log's thread").with_source(error))?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { queue, ledger, live, counters, disk, written, record_bytes_max, thread })
    }

    /// Checks a request against what a record can hold.
    pub(crate) fn entry(&self, request: RequestParts) -> Result<Entry, Error> {
        Entry::new(request, self.record_bytes_max)
    }

    /// Puts a request in line; the receiver hears when it is durable and visible.
    pub(crate) fn append(
        &self,
        entry: Entry,
        batch: RecordBatch,
    ) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
        self.live.reserve(&batch).inspect_err(|error| self.counters.refused(error.kind(), 1))?;
        let (done, answer) = oneshot::channel();
        let bytes = batch.get_array_memory_size();
        self.queue.push(Job { entry, batch, done }).inspect_err(|error| {
            self.live.release(bytes);
            self.counters.refused(error.kind(), 1);
        })?;
        Ok(answer)
    }

    /// Closes the current file and freezes live data at the same record. Returns the number of the next file.
    pub(crate) async fn seal(&self) -> Result<u64, Error> {
        let answer = self.queue.seal()?;
        answer.await.map_err(|_| queue::closed())
    }

    /// A reader that goes on where the one of this name stopped.
    pub(crate) fn reader(&self, name: &str) -> LogReader {
        let start = self.ledger.register(name, None);
        LogReader::new(name, start, self.ledger.clone(), self.disk.clone(), self.written.clone())
    }

    /// The books of the log.
    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Counts since it was opened.
    pub(crate) fn stats(&self) -> WalStats {
        let (files, file_bytes) = self.ledger.sizes();
        WalStats { files, file_bytes, ..self.counters.stats() }
    }

    /// Writes what waits, refuses the rest, ends the thread. Blocks; may be called again.
    pub(crate) fn close(&self) -> Result<(), Error> {
        self.queue.close();
        match self.thread.lock().take() {
            Some(thread) => thread.join().map_err(|_| Error::internal("the log's thread failed")),
            None => Ok(()),
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The parts of a request that the log keeps.
#[derive(Debug, Clone)]
pub(crate) struct RequestParts {
    pub(crate) tenant: throughline_model::Tenant,
    pub(crate) signal: throughline_model::Signal,
    pub(crate) encoding: u8,
    pub(crate) pipeline: Arc<str>,
    pub(crate) received_ns: i64,
    pub(crate) raw: bytes::Bytes,
}

/// The directory of the log.
pub(crate) fn directory(data_dir: &std::path::Path) -> PathBuf {
    data_dir.join("wal")
}
