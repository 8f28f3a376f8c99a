//! Who gets in: decided from the head of a request, before its body is read.

use std::sync::Arc;
use std::time::Duration;

use throughline_pipeline::{MemoryLimiter, MemoryPermit, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds that are no part of a Collector's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverLimits {
    /// Requests that are handled at once, over all protocols of a receiver.
    pub requests_max: usize,
    /// Connections that are open at once on a listener; more wait to be accepted.
    pub connections_max: usize,
    /// How long a body may make no progress.
    pub body_idle: Duration,
}

impl Default for ReceiverLimits {
    fn default() -> Self {
        Self { requests_max: 1024, connections_max: 4096, body_idle: Duration::from_secs(30) }
    }
}

/// The door of a receiver.
#[derive(Debug)]
pub struct Door {
    requests: Arc<Semaphore>,
    limiter: Arc<MemoryLimiter>,
    requests_max: usize,
}

/// A request that was let in; leaves on drop.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) memory: MemoryPermit,
    _request: OwnedSemaphorePermit,
}

impl Door {
    /// A door with bounds on requests and memory.
    #[must_use]
    pub fn new(limiter: Arc<MemoryLimiter>, limits: ReceiverLimits) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(limits.requests_max)),
            limiter,
            requests_max: limits.requests_max,
        }
    }

    /// Lets a request in of which so many bytes are announced.
    pub(super) fn enter(&self, announced_bytes: u64) -> Result<Visit, Refusal> {
        let request = Arc::clone(&self.requests).try_acquire_owned().map_err(|_| {
            let message = format!("{} requests are being handled; try again later", self.requests_max);
            Refusal::overloaded(message, Duration::from_secs(1))
        })?;
        Ok(Visit { memory: self.limiter.admit(announced_bytes)?, _request: request })
    }
}
