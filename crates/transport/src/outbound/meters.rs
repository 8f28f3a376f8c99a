//! What an exporter counts.

use throughline_model::Signal;
use throughline_pipeline::Registry;
use throughline_pipeline::metrics::{
    Counter, EXPORTER_PARTIAL_REJECTED, EXPORTER_QUEUE_SIZE, EXPORTER_RETRIES, EXPORTER_SEND_FAILED_REQUESTS,
    Gauge, exporter_send_failed, exporter_sent,
};

use super::client::Receipt;

/// The counters of one exporter.
#[derive(Debug)]
pub(super) struct Meters {
    exporter: String,
    registry: Registry,
    pub(super) queue_size: Gauge,
    pub(super) retries: Counter,
}

impl Meters {
    pub(super) fn new(exporter: &str, registry: &Registry) -> Self {
        let labels = [("exporter", exporter)];
        for signal in Signal::ALL {
            // Shown as zero from the start, so that a rate over it has a beginning.
            registry.counter(exporter_sent(signal), &labels).add(0);
        }
        Self {
            exporter: exporter.to_owned(),
            registry: registry.clone(),
            queue_size: registry.gauge(&EXPORTER_QUEUE_SIZE, &labels),
            retries: registry.counter(&EXPORTER_RETRIES, &labels),
        }
    }

    /// Counts a send that the destination took.
    pub(super) fn sent(&self, signal: Signal, items: u64, receipt: &Receipt) {
        let labels = [("exporter", self.exporter.as_str())];
        let rejected = receipt.rejected.min(items);
        self.registry.counter(exporter_sent(signal), &labels).add(items - rejected);
        if rejected > 0 {
            let labels = [("exporter", self.exporter.as_str()), ("signal", signal.name())];
            self.registry.counter(&EXPORTER_PARTIAL_REJECTED, &labels).add(rejected);
            self.failed_items(signal, rejected, "rejected_by_destination");
        }
    }

    /// Counts a send that was given up.
    pub(super) fn failed(&self, signal: Signal, items: u64, reason: &'static str) {
        let labels = [("exporter", self.exporter.as_str()), ("reason", reason)];
        self.registry.counter(&EXPORTER_SEND_FAILED_REQUESTS, &labels).add(1);
        self.failed_items(signal, items, reason);
    }

    fn failed_items(&self, signal: Signal, items: u64, reason: &'static str) {
        let labels = [("exporter", self.exporter.as_str()), ("reason", reason)];
        self.registry.counter(exporter_send_failed(signal), &labels).add(items);
    }
}
