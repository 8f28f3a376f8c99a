//! One send, from its first attempt to its end.

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use throughline_model::Signal;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::client::{Client, Outgoing, Receipt};
use super::gather::{Batch, join};
use super::meters::Meters;
use super::payload::Payload;
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

/// What became of requests that were sent as one.
enum Verdict {
    Done,
    LeftInQueue,
    /// The destination will not have them together; perhaps it will have some of them.
    Split,
}

impl Sender {
    /// Sends a batch. Gathering must not lose what would have been taken alone: requests that are
    /// refused for good together are sent again in halves.
    pub(super) async fn send(&self, batch: &Batch) -> Ending {
        let began = Instant::now();
        let mut parts = vec![batch.payloads.as_slice()];
        while let Some(payloads) = parts.pop() {
            match self.send_as_one(batch, payloads, began).await {
                Verdict::Done => {}
                Verdict::LeftInQueue => return Ending::LeftInQueue,
                Verdict::Split => {
                    let (first, second) = payloads.split_at(payloads.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ending::Done
    }

    async fn send_as_one(&self, batch: &Batch, payloads: &[Payload], began: Instant) -> Verdict {
        let items = payloads.iter().map(|payload| payload.items).sum();
        let outgoing = Outgoing { signal: batch.signal, tenant: batch.tenant.clone(), body: join(payloads) };
        let mut random = SmallRng::from_os_rng();
        let mut backoff = Backoff::new(&self.retry);
        loop {
            let error = match self.client.send(outgoing.clone()).await {
                Ok(receipt) => return self.sent(batch.signal, items, &receipt),
                Err(error) => error,
            };
            if !error.retryable && error.is_about_data() && payloads.len() > 1 {
                return Verdict::Split;
            }
            if !error.retryable {
                return self.give_up(batch.signal, items, error.reason, &error.message);
            }
            let Some(delay) = backoff.next(began.elapsed(), error.retry_after, &mut random) else {
                return self.give_up(batch.signal, items, "retries_exhausted", &error.message);
            };
            self.meters.retries.add(1);
            tracing::debug!(exporter = %self.exporter, ?delay, %error, "a send failed and is tried again");
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.stop.cancelled() => return Verdict::LeftInQueue,
            }
        }
    }

    fn sent(&self, signal: Signal, items: u64, receipt: &Receipt) -> Verdict {
        if receipt.rejected > 0 || !receipt.message.is_empty() {
            let (rejected, message) = (receipt.rejected, &receipt.message);
            tracing::warn!(exporter = %self.exporter, rejected, message, "the destination took not all");
        }
        self.meters.sent(signal, items, receipt);
        Verdict::Done
    }

    fn give_up(&self, signal: Signal, items: u64, reason: &'static str, message: &str) -> Verdict {
        self.meters.failed(signal, items, reason);
        tracing::error!(exporter = %self.exporter, %signal, items, reason, message, "data given up");
        Verdict::Done
    }
}
