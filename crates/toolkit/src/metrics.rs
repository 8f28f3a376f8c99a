//! Duration histograms with exemplars, which the SDK never collects.

pub(crate) mod exemplars;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use crate::layer::active;
use exemplars::Exemplars;

/// A histogram of durations in seconds. Measurements taken inside a sampled span leave its ids as
/// an exemplar (`OTEL_METRICS_EXEMPLAR_FILTER`), so that a slow bucket leads to a trace.
///
/// Made by [`crate::Telemetry::duration_histogram`].
#[derive(Debug, Clone)]
pub struct DurationHistogram {
    inner: Histogram<f64>,
    name: &'static str,
    exemplars: Arc<Exemplars>,
}

impl DurationHistogram {
    pub(crate) fn new(
        meter: &Meter,
        name: &'static str,
        description: &'static str,
        exemplars: &Arc<Exemplars>,
    ) -> Self {
        let inner = meter.f64_histogram(name).with_unit("s").with_description(description).build();
        Self { inner, name, exemplars: Arc::clone(exemplars) }
    }

    /// Takes one measurement.
    pub fn record(&self, duration: Duration, attributes: &[KeyValue]) {
        let seconds = duration.as_secs_f64();
        self.inner.record(seconds, attributes);
        active::with_current(|cx| self.exemplars.offer(self.name, seconds, attributes, cx));
    }
}
