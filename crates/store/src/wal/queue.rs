//! The bounded queue between requests and the log's writer thread.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::wal::record::Entry;
use crate::{Error, config::WalConfig};

/// The delay asked of clients when the queue is full: the writer empties it faster than this unless the disk is failing.
const RETRY_QUEUE: Duration = Duration::from_secs(1);

/// A request that waits to be written.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) entry: Entry,
    pub(crate) batch: RecordBatch,
    pub(crate) done: oneshot::Sender<Result<(), Error>>,
}

/// What the writer does next.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) jobs: VecDeque<Job>,
    /// Requests to close the current file and freeze live data; answered with the number of the next file.
    pub(crate) seals: Vec<oneshot::Sender<u64>>,
    /// Nothing will come any more.
    pub(crate) closed: bool,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    seals: Vec<oneshot::Sender<u64>>,
    closed: bool,
}

/// The queue. Bounded in requests and in bytes.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    records_max: usize,
    bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(config: &WalConfig) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            records_max: config.queue_records_max.max(1),
            bytes_max: config.queue_bytes_max,
        }
    }

    /// Adds a request. One that is larger than the whole bound is taken when nothing else waits.
    pub(crate) fn push(&self, job: Job) -> Result<(), Error> {
        let bytes = job.entry.stored_len() as usize;
        let mut state = self.state.lock();
        if state.closed {
            return Err(closed());
        }
        let full = state.jobs.len() >= self.records_max || state.bytes + bytes > self.bytes_max;
        if full && !state.jobs.is_empty() {
            return Err(Error::overloaded("too many requests wait for the write-ahead log", RETRY_QUEUE));
        }
        state.bytes += bytes;
        state.jobs.push_back(job);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Asks the writer to close the current file.
    pub(crate) fn seal(&self) -> Result<oneshot::Receiver<u64>, Error> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.state.lock();
        if state.closed {
            return Err(closed());
        }
        state.seals.push(answer);
        drop(state);
        self.wake.notify_one();
        Ok(answered)
    }

    /// Refuses what comes from now on; what waits is still written.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.wake.notify_one();
    }

    /// Waits for work, or for the deadline. Takes requests of up to `bytes_max` bytes, at least one.
    pub(crate) fn take(&self, bytes_max: usize, deadline: Option<Instant>) -> Work {
        let mut state = self.state.lock();
        while state.jobs.is_empty() && state.seals.is_empty() && !state.closed {
            match deadline {
                None => self.wake.wait(&mut state),
                Some(deadline) => {
                    if self.wake.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        let mut work = Work::default();
        let mut bytes = 0;
        while let Some(job) = state.jobs.front() {
            let len = job.entry.stored_len() as usize;
            if bytes > 0 && bytes + len > bytes_max {
                break;
            }
            bytes += len;
            work.jobs.extend(state.jobs.pop_front());
        }
        state.bytes -= bytes;
        work.seals = std::mem::take(&mut state.seals);
        work.closed = state.closed && state.jobs.is_empty();
        work
    }
}

/// The store is shutting down.
pub(crate) fn closed() -> Error {
    Error::unavailable("the store is closed", Duration::from_secs(1))
}
