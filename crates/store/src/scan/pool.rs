//! Where scans run: threads that may block, so many at once and no more, so that queries never
//! take the place of ingest.

use super::attribute_keys::KeyCache;
use super::meter::Meter;
use crate::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The running scans of a store, and what they keep for the next ones.
#[derive(Debug)]
pub(crate) struct ScanPool {
    permits: Arc<Semaphore>,
    pub(super) keys: Arc<KeyCache>,
}

impl ScanPool {
    /// A pool of at most `scans_max` scans at once.
    pub(crate) fn new(scans_max: usize) -> Self {
        let permits = scans_max.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(permits)), keys: Arc::default() }
    }

    /// Refuses scans from now on; those under way end by themselves.
    pub(crate) fn close(&self) {
        self.permits.close();
    }

    /// Waits for a place, no longer than the scan has time.
    pub(super) fn place(
        &self,
        meter: &Arc<Meter>,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, Error>> + use<> {
        let (permits, meter) = (self.permits.clone(), meter.clone());
        async move {
            let permit = match meter.time_left() {
                None => permits.acquire_owned().await,
                Some(left) => timeout(left, permits.acquire_owned()).await.map_err(|_| meter.deadline())?,
            };
            permit.map_err(|_| Error::unavailable("the store is closed", Duration::from_secs(1)))
        }
    }

    /// Runs work that answers once. Dropping the future cancels it at its next check.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        meter: Arc<Meter>,
        work: impl FnOnce(&Meter) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = self.place(&meter).await?;
        let cancel = CancelOnDrop(meter.clone());
        let work = move || {
            let answer = work(&meter);
            drop(permit);
            answer
        };
        let answer = tokio::task::spawn_blocking(work).await;
        drop(cancel);
        answer.map_err(|error| Error::internal("a scan's thread ended early").with_source(error))?
    }
}

/// Tells a scan that nobody waits for it any more.
#[derive(Debug)]
pub(super) struct CancelOnDrop(pub(super) Arc<Meter>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
