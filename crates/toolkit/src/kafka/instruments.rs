//! What is measured of clients besides their messages: how far consumers are behind, rebalances,
//! and faults that belong to no message.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use opentelemetry::KeyValue;
#[cfg(feature = "rdkafka")]
use opentelemetry::metrics::Counter;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use parking_lot::Mutex;

use super::semconv::{PARTITION, SYSTEM};
use crate::layer::TelemetryLayer;
use crate::messaging::names;

/// Somebody who knows how far a consumer is behind. Asked whenever metrics are collected, so it
/// must not block.
pub(crate) trait LagSource: Debug + Send + Sync {
    fn visit(&self, see: &mut dyn FnMut(Behind<'_>));
}

/// How far a consumer is behind in one partition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Behind<'a> {
    pub(crate) group: Option<&'a str>,
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) messages: u64,
    /// How old the message is that was received last, when there are more.
    pub(crate) seconds: Option<f64>,
}

/// Whether a consumer's lag is reported already.
#[derive(Debug, Default)]
pub(crate) struct Watched(AtomicBool);

impl Watched {
    /// Has the lag of `source` reported by the current telemetry, once there is one.
    pub(crate) fn by_current<S: LagSource + 'static>(&self, source: &Arc<S>) {
        if self.0.load(Ordering::Relaxed) {
            return;
        }
        let Some(core) = TelemetryLayer::current() else { return };
        if !self.0.swap(true, Ordering::Relaxed) {
            let source: Arc<dyn LagSource> = Arc::<S>::clone(source);
            core.kafka.watch(Arc::downgrade(&source));
        }
    }
}

type Sources = Mutex<Vec<Weak<dyn LagSource>>>;

/// Instruments of Kafka clients.
#[derive(Debug)]
pub(crate) struct KafkaInstruments {
    meter: Meter,
    sources: Arc<Sources>,
    /// The gauges exist once there is a consumer.
    gauges: OnceLock<()>,
    #[cfg(feature = "rdkafka")]
    pub(crate) errors: Counter<u64>,
    #[cfg(feature = "rdkafka")]
    pub(crate) rebalances: Counter<u64>,
}

impl KafkaInstruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        #[cfg(feature = "rdkafka")]
        let counter = |name: &'static str, unit: &'static str, text: &'static str| {
            meter.u64_counter(name).with_unit(unit).with_description(text).build()
        };
        Self {
            #[cfg(feature = "rdkafka")]
            errors: counter(
                "messaging.kafka.client.errors",
                "{error}",
                "Faults of the client that belong to no message.",
            ),
            #[cfg(feature = "rdkafka")]
            rebalances: counter(
                "messaging.kafka.consumer.rebalances",
                "{rebalance}",
                "Partitions assigned or revoked.",
            ),
            meter: meter.clone(),
            sources: Arc::default(),
            gauges: OnceLock::new(),
        }
    }

    /// Reports the lag of a consumer from now on, for as long as the source lives.
    fn watch(&self, source: Weak<dyn LagSource>) {
        self.sources.lock().push(source);
        self.gauges.get_or_init(|| {
            let sources = Arc::clone(&self.sources);
            let gauge = self.meter.u64_observable_gauge("consumer_lag").with_unit("{message}");
            let gauge = gauge.with_description("Messages of a partition that the group has not committed.");
            gauge.with_callback(move |gauge| messages(&sources, gauge)).build();
            let sources = Arc::clone(&self.sources);
            let gauge = self.meter.f64_observable_gauge("consumer_lag_seconds").with_unit("s");
            let gauge =
                gauge.with_description("Age of the message that a consumer has got to; 0 at the end.");
            gauge.with_callback(move |gauge| seconds(&sources, gauge)).build();
        });
    }
}

fn messages(sources: &Sources, gauge: &dyn AsyncInstrument<u64>) {
    visit(sources, &mut |behind| gauge.observe(behind.messages, &labels(&behind)));
}

fn seconds(sources: &Sources, gauge: &dyn AsyncInstrument<f64>) {
    visit(sources, &mut |behind| {
        if let Some(seconds) = behind.seconds {
            gauge.observe(seconds, &labels(&behind));
        }
    });
}

/// Asks every consumer that is still there, and forgets the others.
fn visit(sources: &Sources, see: &mut dyn FnMut(Behind<'_>)) {
    let alive: Vec<_> = {
        let mut sources = sources.lock();
        sources.retain(|source| source.strong_count() > 0);
        sources.iter().filter_map(Weak::upgrade).collect()
    };
    for source in alive {
        source.visit(see);
    }
}

fn labels(behind: &Behind<'_>) -> Vec<KeyValue> {
    let mut labels = vec![
        KeyValue::new(names::SYSTEM, SYSTEM.name),
        KeyValue::new(names::DESTINATION, behind.topic.to_owned()),
        KeyValue::new(PARTITION, behind.partition.to_string()),
    ];
    if let Some(group) = behind.group {
        labels.push(KeyValue::new(names::CONSUMER_GROUP, group.to_owned()));
    }
    labels
}
