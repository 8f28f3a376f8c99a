//! How far behind durable consumers are, as their deliveries tell.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Meter};
use parking_lot::Mutex;

use super::semconv::{CONSUMER, STREAM};
use crate::layer::TelemetryLayer;

/// Instruments of JetStream consumers.
#[derive(Debug)]
pub(crate) struct LagInstruments {
    meter: Meter,
    redelivered: Counter<u64>,
    consumers: Arc<Mutex<Vec<Weak<Progress>>>>,
    /// The gauge exists once there is a consumer.
    gauge: OnceLock<()>,
}

impl LagInstruments {
    pub(super) fn new(meter: &Meter) -> Self {
        let redelivered = meter.u64_counter("nats.consumer.redeliveries").with_unit("{message}");
        Self {
            redelivered: redelivered.with_description("Messages that were delivered again.").build(),
            meter: meter.clone(),
            consumers: Arc::default(),
            gauge: OnceLock::new(),
        }
    }

    /// Reports how far behind a consumer is, for as long as it lives.
    fn watch(&self, consumer: Weak<Progress>) {
        self.consumers.lock().push(consumer);
        self.gauge.get_or_init(|| {
            let consumers = Arc::clone(&self.consumers);
            let gauge = self.meter.u64_observable_gauge("nats.consumer.pending").with_unit("{message}");
            gauge
                .with_description("Messages that wait for the consumer, as of its last delivery.")
                .with_callback(move |gauge| {
                    let mut consumers = consumers.lock();
                    consumers.retain(|consumer| consumer.strong_count() > 0);
                    for consumer in consumers.iter().filter_map(Weak::upgrade) {
                        gauge.observe(consumer.pending.load(Ordering::Relaxed), &consumer.labels);
                    }
                })
                .build();
        });
    }
}

/// How far a durable consumer has got.
#[derive(Debug)]
pub(super) struct Progress {
    labels: Vec<KeyValue>,
    pending: AtomicU64,
    watched: AtomicBool,
}

impl Progress {
    pub(super) fn new(stream: &str, consumer: &str) -> Self {
        let labels =
            vec![KeyValue::new(STREAM, stream.to_owned()), KeyValue::new(CONSUMER, consumer.to_owned())];
        Self { labels, pending: AtomicU64::new(0), watched: AtomicBool::new(false) }
    }

    /// A message was delivered, not for the first time if `again`, and `pending` more wait.
    pub(super) fn delivered(self: &Arc<Self>, pending: i64, again: bool) {
        self.pending.store(u64::try_from(pending).unwrap_or(0), Ordering::Relaxed);
        if !again && self.watched.load(Ordering::Relaxed) {
            return;
        }
        let Some(core) = TelemetryLayer::current() else { return };
        if again {
            core.nats.lag.redelivered.add(1, &self.labels);
        }
        if !self.watched.swap(true, Ordering::Relaxed) {
            core.nats.lag.watch(Arc::downgrade(self));
        }
    }
}
