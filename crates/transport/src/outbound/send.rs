//! One send, from its first attempt to its end.

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::client::{Client, Outgoing};
use super::gather::Batch;
use super::meters::Meters;
use super::retry::{Backoff, RetrySettings};

/// What sends of one exporter share.
pub(super) struct Sender {
    pub(super) exporter: Arc<str>,
    pub(super) client: Arc<dyn Client>,
    pub(super) retry: RetrySettings,
    pub(super) meters: Meters,
    /// Shutdown has begun: what fails now stays in the queue.
    pub(super) stop: CancellationToken,
}

/// How a send ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Taken by the destination, or given up and counted.
    Done,
    /// To be tried again after a restart.
    LeftInQueue,
}

impl Sender {
    pub(super) async fn send(&self, batch: &Batch) -> Ending {
        let began = Instant::now();
        let mut random = SmallRng::from_os_rng();
        let mut backoff = Backoff::new(&self.retry);
        loop {
            let outgoing =
                Outgoing { signal: batch.signal, tenant: batch.tenant.clone(), body: batch.body.clone() };
            let error = match self.client.send(outgoing).await {
                Ok(receipt) => {
                    if receipt.rejected > 0 || !receipt.message.is_empty() {
                        let (rejected, message) = (receipt.rejected, &receipt.message);
                        tracing::warn!(exporter = %self.exporter, rejected, message, "the destination took not all");
                    }
                    self.meters.sent(batch.signal, batch.items, &receipt);
                    return Ending::Done;
                }
                Err(error) => error,
            };
            if !error.retryable {
                return self.give_up(batch, error.reason, &error.message);
            }
            let Some(delay) = backoff.next(began.elapsed(), error.retry_after, &mut random) else {
                return self.give_up(batch, "retries_exhausted", &error.message);
            };
            self.meters.retries.add(1);
            tracing::debug!(exporter = %self.exporter, ?delay, %error, "a send failed and is tried again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.stop.cancelled() => return Ending::LeftInQueue,
            }
        }
    }

    fn give_up(&self, batch: &Batch, reason: &'static str, message: &str) -> Ending {
        self.meters.failed(batch.signal, batch.items, reason);
        let (items, signal) = (batch.items, batch.signal);
        tracing::error!(exporter = %self.exporter, %signal, items, reason, message, "data given up");
        Ending::Done
    }
}
