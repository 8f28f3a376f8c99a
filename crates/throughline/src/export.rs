//! The store's log as the durable queue of an exporter.

use std::sync::Arc;

use async_trait::async_trait;
use throughline_pipeline::{DurableQueue, Position, QueueError, QueuedRequest};
use throughline_store::wal::{LogCommitter, LogReader};
use tokio::sync::Mutex;

/// One exporter's reading of the log.
pub struct LogQueue {
    reader: Mutex<LogReader>,
    committer: LogCommitter,
}

impl LogQueue {
    /// A queue over a reader.
    pub fn new(reader: LogReader) -> Arc<Self> {
        let committer = reader.committer();
        Arc::new(Self { reader: Mutex::new(reader), committer })
    }
}

#[async_trait]
impl DurableQueue for LogQueue {
    async fn next(&self) -> Result<Option<QueuedRequest>, QueueError> {
        let record = self.reader.lock().await.next().await.map_err(|error| QueueError(error.to_string()))?;
        Ok(record.map(|record| QueuedRequest {
            position: Position(record.number),
            tenant: record.tenant,
            signal: record.signal,
            encoding: record.encoding,
            pipeline: record.pipeline,
            received_ns: record.received_ns,
            raw: record.raw,
        }))
    }

    async fn commit(&self, position: Position) -> Result<(), QueueError> {
        self.committer.commit_through(position.0);
        Ok(())
    }
}
