//! What exporters read: requests that were acknowledged, in the order of their acknowledgement.

mod memory;

pub use memory::MemoryQueue;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use throughline_model::{Signal, Tenant};

/// Where a request stands in its queue. Later requests have greater positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

/// A request as it was received, before any processor.
#[derive(Debug, Clone)]
pub struct QueuedRequest {
    /// What to [`commit`](DurableQueue::commit) once the request is done with.
    pub position: Position,
    /// Who the data belongs to.
    pub tenant: Tenant,
    /// What kind of data it is.
    pub signal: Signal,
    /// The stable code of the encoding of [`raw`](Self::raw).
    pub encoding: u8,
    /// The pipeline that the request came through.
    pub pipeline: Arc<str>,
    /// When it came, in nanoseconds since the epoch.
    pub received_ns: i64,
    /// The request's body, decompressed.
    pub raw: Bytes,
}

/// One consumer's view of a log of requests. The consumer's position outlives the process: what
/// was not committed comes again after a restart.
#[async_trait]
pub trait DurableQueue: Send + Sync {
    /// The next request, waiting for one; `None` when the queue is closed and read to its end.
    /// Does not wait for a commit of those before. Loses nothing when the future is dropped.
    ///
    /// # Errors
    /// The log cannot be read.
    async fn next(&self) -> Result<Option<QueuedRequest>, QueueError>;

    /// Declares every request up to and including this position done with.
    ///
    /// # Errors
    /// The position cannot be kept.
    async fn commit(&self, position: Position) -> Result<(), QueueError>;
}

/// The log behind a queue failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);
