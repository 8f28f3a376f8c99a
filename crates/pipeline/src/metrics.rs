//! Self-telemetry: counters and gauges under the Collector's names, so that ready dashboards and
//! alerts work, with a Prometheus text exposition.
//!
//! A family keeps at most [`SERIES_MAX`] label sets; what comes beyond goes to one series labelled
//! `otel_metric_overflow="true"`. Handles are cheap to clone and to count with: take them once,
//! not per request.

mod exposition;
mod names;

pub use names::{
    EXPORTER_PARTIAL_REJECTED, EXPORTER_QUEUE_SIZE, EXPORTER_RETRIES, EXPORTER_SEND_FAILED_REQUESTS,
    LIMITER_ACCEPTED_REQUESTS, LIMITER_IN_FLIGHT_BYTES, LIMITER_REFUSED_REQUESTS, RECEIVER_BYTES,
    RECEIVER_CONNECTIONS, RECEIVER_REJECTED, RECEIVER_REQUESTS, exporter_enqueue_failed,
    exporter_send_failed, exporter_sent, receiver_accepted, receiver_refused,
};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// How many label sets a family keeps apart.
pub const SERIES_MAX: usize = 500;

/// A metric's name, meaning and kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name in the exposition.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Whether it only rises.
    pub kind: Kind,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
}

/// Labels of a series: names are fixed in code, values come from the configuration.
pub type Labels<'a> = [(&'static str, &'a str)];

type LabelSet = Vec<(&'static str, String)>;

/// A series that only rises.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to the counter.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A series that rises and falls.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Sets the gauge.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds to the gauge.
    pub fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// Takes from the gauge.
    pub fn sub(&self, by: u64) {
        self.0.fetch_sub(by, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

type Observation = Box<dyn Fn() -> f64 + Send + Sync>;

enum Series {
    Counted(Counter),
    Measured(Gauge),
    Observed(Observation),
}

struct Family {
    metric: &'static Metric,
    series: BTreeMap<LabelSet, Series>,
}

/// All series of the process. Clones share them.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<BTreeMap<&'static str, Family>>>);

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("families", &self.0.lock().len()).finish()
    }
}

impl Registry {
    /// The counter with these labels, made when it is not there.
    #[must_use]
    pub fn counter(&self, metric: &'static Metric, labels: &Labels<'_>) -> Counter {
        self.with_series(
            metric,
            labels,
            || Series::Counted(Counter::default()),
            |series| match series {
                Series::Counted(counter) => counter.clone(),
                _ => Counter::default(),
            },
        )
    }

    /// The gauge with these labels, made when it is not there.
    #[must_use]
    pub fn gauge(&self, metric: &'static Metric, labels: &Labels<'_>) -> Gauge {
        self.with_series(
            metric,
            labels,
            || Series::Measured(Gauge::default()),
            |series| match series {
                Series::Measured(gauge) => gauge.clone(),
                _ => Gauge::default(),
            },
        )
    }

    /// Shows what a function returns whenever the metrics are read; replaces an earlier function
    /// under the same labels.
    pub fn gauge_fn(
        &self,
        metric: &'static Metric,
        labels: &Labels<'_>,
        observe: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let mut families = self.0.lock();
        let family = families.entry(metric.name).or_insert_with(|| Family::of(metric));
        let key = family.key(labels);
        family.series.insert(key, Series::Observed(Box::new(observe)));
    }

    /// Every series in the Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        exposition::render(&self.0.lock())
    }

    /// The sum over all series of a metric; 0 when it has none. Series that are observed by a
    /// function are left out.
    #[must_use]
    pub fn total(&self, metric: &'static Metric) -> u64 {
        let families = self.0.lock();
        let series = families.get(metric.name).map(|family| family.series.values());
        let values = series.into_iter().flatten().map(|series| match series {
            Series::Counted(counter) => counter.value(),
            Series::Measured(gauge) => gauge.value(),
            Series::Observed(_) => 0,
        });
        values.sum()
    }

    fn with_series<T>(
        &self,
        metric: &'static Metric,
        labels: &Labels<'_>,
        make: impl FnOnce() -> Series,
        read: impl FnOnce(&Series) -> T,
    ) -> T {
        let mut families = self.0.lock();
        let family = families.entry(metric.name).or_insert_with(|| Family::of(metric));
        let key = family.key(labels);
        read(family.series.entry(key).or_insert_with(make))
    }
}

impl Family {
    fn of(metric: &'static Metric) -> Self {
        Self { metric, series: BTreeMap::new() }
    }

    fn key(&self, labels: &Labels<'_>) -> LabelSet {
        let key: LabelSet = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        if self.series.len() < SERIES_MAX || self.series.contains_key(&key) {
            key
        } else {
            vec![("otel_metric_overflow", "true".to_owned())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_model::Signal;

    #[test]
    fn handles_with_the_same_labels_count_together() {
        let registry = Registry::default();
        let labels = [("receiver", "otlp"), ("transport", "grpc")];
        registry.counter(receiver_accepted(Signal::Traces), &labels).add(2);
        let again = registry.counter(receiver_accepted(Signal::Traces), &labels);
        again.add(1);
        assert_eq!(again.value(), 3);
        registry.counter(receiver_accepted(Signal::Traces), &[("receiver", "jaeger")]).add(4);
        assert_eq!(registry.total(receiver_accepted(Signal::Traces)), 7);
        assert_eq!(registry.total(receiver_accepted(Signal::Logs)), 0);
    }

    #[test]
    fn label_sets_beyond_the_bound_share_the_overflow_series() {
        let registry = Registry::default();
        for i in 0..SERIES_MAX + 5 {
            registry.counter(&RECEIVER_BYTES, &[("receiver", &i.to_string())]).add(1);
        }
        let text = registry.render();
        assert!(text.contains("otelcol_receiver_bytes{otel_metric_overflow=\"true\"} 5"), "{text}");
        assert_eq!(text.lines().count(), 2 + SERIES_MAX + 1);
    }
}
