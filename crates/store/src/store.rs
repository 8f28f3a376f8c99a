//! The store facade: open, append, flush, read, shut down.

mod background;
pub(crate) mod flush;
pub(crate) mod lock;
mod open;
mod reserve;
mod stats;
mod upkeep;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use bytes::Bytes;
use throughline_model::{Clock, Signal, Tenant};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub use flush::FlushStats;
pub use open::Environment;
pub use stats::{StoreStats, TableStats};
pub use upkeep::UpkeepStats;

use crate::Error;
use crate::catalog::{Catalog, Snapshot};
use crate::config::StoreConfig;
use crate::live::{Live, shrink};
use crate::recovery::RecoveryReport;
use crate::scan::ScanPool;
use crate::segment::Segments;
use crate::wal::{LogReader, RequestParts, Wal};
use background::Background;
use flush::Flusher;
use upkeep::Upkeep;

/// How long a shutdown waits for a flush. What is not flushed by then is in the log.
const SHUTDOWN_FLUSH_MAX: Duration = Duration::from_millis(1_200);

/// Longest name of a log reader; its file name is up to three times as long.
const CONSUMER_NAME_MAX: usize = 80;

/// The telemetry store of one directory.
pub struct Store {
    config: StoreConfig,
    clock: Arc<dyn Clock>,
    wal: Arc<Wal>,
    live: Arc<Live>,
    catalog: Arc<Catalog>,
    segments: Arc<Segments>,
    scans: ScanPool,
    flusher: Arc<Flusher>,
    upkeep: Arc<Upkeep>,
    /// One flush at a time.
    flushing: Arc<tokio::sync::Mutex<()>>,
    background: Background,
    closed: AtomicBool,
    recovery: RecoveryReport,
}

/// A request to be stored.
#[derive(Debug, Clone)]
pub struct Append {
    /// Whose it is.
    pub tenant: Tenant,
    /// What it carries.
    pub signal: Signal,
    /// The caller's code for the encoding of `raw`; kept in the log for the replay.
    pub encoding: u8,
    /// The pipeline that took it; kept in the log for the replay.
    pub pipeline: Arc<str>,
    /// When it came, in nanoseconds since the epoch.
    pub received_ns: i64,
    /// The request as it came.
    pub raw: Bytes,
    /// Its rows, after the pipeline's processors.
    pub batch: RecordBatch,
}

/// One table at one moment: every row is in exactly one of the two.
#[derive(Debug, Clone)]
pub struct View {
    /// Rows that are not in segments.
    pub batches: Vec<Arc<RecordBatch>>,
    /// The segments.
    pub segments: Arc<Snapshot>,
}

/// What a shutdown did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Rows that stay in the log; the next start reads them back.
    pub rows_in_log: u64,
    /// Why live data was not flushed, if it should have been.
    pub flush_error: Option<String>,
    /// How long it took.
    pub duration: Duration,
}

impl Store {
    /// Stores a request. When this returns, the request is durable (as [`crate::Durability`] says) and scans see its rows.
    ///
    /// A request whose future is dropped may have been stored or not.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Overloaded`] and [`crate::ErrorKind::Unavailable`] with a delay, [`crate::ErrorKind::Invalid`] for
    /// what no record can hold. In all of them nothing was acknowledged.
    pub async fn append(&self, request: Append) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::unavailable("the store is closed", Duration::from_secs(1)));
        }
        let Append { tenant, signal, encoding, pipeline, received_ns, raw, batch } = request;
        if batch.num_rows() == 0 {
            // Nothing to find later, and nothing for exporters to send.
            return Ok(());
        }
        let entry = self.wal.entry(RequestParts { tenant, signal, encoding, pipeline, received_ns, raw })?;
        let answer = self.wal.append(entry, shrink(batch)?)?;
        answer.await.map_err(|_| Error::unavailable("the store is closed", Duration::from_secs(1)))?
    }

    /// Writes all live data to segments.
    ///
    /// # Errors
    /// What the disk said. The rows stay readable and in the log; the flush is repeated in the background.
    pub async fn flush(&self) -> Result<(), Error> {
        flush_now(&self.flushing, &self.flusher, &self.wal, &self.live).await
    }

    /// One table as it is now.
    #[must_use]
    pub fn view(&self, tenant: &Tenant, signal: Signal) -> View {
        // In this order: what is flushed in between is in the segments, and its generation is left out.
        let live = self.live.snapshot(tenant, signal);
        let segments = self.catalog.snapshot();
        View { batches: live.not_covered(segments.wal_covered()), segments }
    }

    /// A durable queue over the accepted requests. A new consumer starts with the next request.
    ///
    /// The log keeps what a consumer has not committed, up to `wal.bytes_max`; then it loses its oldest records, counted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a name that is empty or longer than 80 bytes.
    pub fn reader(&self, consumer: &str) -> Result<LogReader, Error> {
        if consumer.is_empty() || consumer.len() > CONSUMER_NAME_MAX {
            return Err(Error::invalid(format!(
                "the name of a log reader has 1 to {CONSUMER_NAME_MAX} bytes: {consumer:?}"
            )));
        }
        Ok(self.wal.reader(consumer))
    }

    /// Forgets every consumer that is not named, so that the log keeps nothing for exporters that were configured away.
    pub fn retain_readers(&self, consumers: &[&str]) {
        self.wal.ledger().retain_consumers(consumers);
    }

    /// What opening the store found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Its segments.
    #[must_use]
    pub fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    /// Where its scans run.
    pub(crate) fn scans(&self) -> &ScanPool {
        &self.scans
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Counts since it was opened, and sizes now.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        stats::collect(self)
    }

    /// Refuses new requests, finishes those under way, flushes if there is little to flush, and stops every task.
    ///
    /// Takes less than about two seconds: what is not flushed is safe in the log.
    ///
    /// # Errors
    /// The log's thread failed.
    pub async fn shutdown(&self) -> Result<ShutdownReport, Error> {
        let start = Instant::now();
        self.closed.store(true, Ordering::Release);
        self.scans.close();
        self.background.stop().await;
        let mut flush_error = None;
        if self.live.active_rows() <= self.config.flush.shutdown_rows_max {
            flush_error = match timeout(SHUTDOWN_FLUSH_MAX, self.flush()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("it took too long".to_owned()),
            };
        }
        let (flusher, wal) = (self.flusher.clone(), self.wal.clone());
        let close = move || {
            flusher.close();
            let closed = wal.close();
            wal.ledger().save_positions();
            closed
        };
        spawn_blocking(close)
            .await
            .map_err(|error| Error::internal("the shutdown was stopped").with_source(error))??;
        let rows_in_log = self.live.sizes().rows.iter().sum();
        Ok(ShutdownReport { rows_in_log, flush_error, duration: start.elapsed() })
    }
}

/// Freezes live data and writes it. A generation that an earlier flush left behind goes first.
async fn flush_now(
    flushing: &Arc<tokio::sync::Mutex<()>>,
    flusher: &Arc<Flusher>,
    wal: &Wal,
    live: &Live,
) -> Result<(), Error> {
    let turn = flushing.clone().lock_owned().await;
    let left_behind = live.frozen().is_some();
    if !left_behind {
        if live.active_rows() == 0 {
            return Ok(());
        }
        wal.seal().await?;
    }
    let turn = run_flush(turn, flusher).await?;
    if left_behind && live.active_rows() > 0 {
        wal.seal().await?;
        run_flush(turn, flusher).await?;
    }
    Ok(())
}

/// The turn goes along to the thread, so that a flush whose caller is gone still keeps the next one out.
async fn run_flush(
    turn: tokio::sync::OwnedMutexGuard<()>,
    flusher: &Arc<Flusher>,
) -> Result<tokio::sync::OwnedMutexGuard<()>, Error> {
    let flusher = flusher.clone();
    let work = move || flusher.flush_frozen().map(|()| turn);
    spawn_blocking(work).await.map_err(|error| Error::internal("a flush was stopped").with_source(error))?
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data_dir", &self.config.data_dir).finish_non_exhaustive()
    }
}
