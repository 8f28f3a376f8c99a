//! Making a telemetry send what is waiting, also without its handle.

use std::time::Duration;

use super::{Waiter, helper};
use crate::export::thread::ExportThread;
use crate::metrics::meters::Meters;

/// Asks for flushes. Once the telemetry has stopped it does nothing.
#[derive(Debug, Clone)]
pub(crate) struct Flusher {
    pub(super) thread: ExportThread,
    pub(super) meters: Meters,
}

impl Flusher {
    pub(super) fn begin(&self, limit: Duration) -> Waiter {
        let (waiter, votes) = Waiter::new();
        self.thread.flush(limit, &|| votes.done());
        let meters = self.meters.sdk.clone();
        let done = votes.done();
        helper("throughline-flush", move || done(meters.force_flush().is_ok()));
        waiter
    }

    /// Sends what is waiting; whether all of it went within `limit`.
    #[cfg(feature = "testing")]
    pub(crate) fn flush_blocking(&self, limit: Duration) -> bool {
        self.begin(limit).wait_blocking(limit)
    }
}
