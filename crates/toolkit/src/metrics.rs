//! Duration histograms with exemplars, which the SDK never collects.

pub(crate) mod exemplars;
mod histogram;
pub(crate) mod meters;
pub(crate) mod series;
#[cfg(feature = "sqlx")]
pub(crate) mod watched;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, Histogram, Meter};

use crate::export::metrics::DURATION_BOUNDARIES;
use crate::layer::active;
use crate::propagation::TraceContext;
use exemplars::{Exemplars, series_of_attributes};

/// The scope of the toolkit's own instruments.
pub(crate) const SCOPE: &str = "throughline_toolkit";

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
        let inner = meter
            .f64_histogram(name)
            .with_unit("s")
            .with_description(description)
            .with_boundaries(DURATION_BOUNDARIES.to_vec())
            .build();
        Self { inner, name, exemplars: Arc::clone(exemplars) }
    }

    /// Takes one measurement.
    pub fn record(&self, duration: Duration, attributes: &[KeyValue]) {
        let seconds = duration.as_secs_f64();
        self.inner.record(seconds, attributes);
        active::with_current(|cx| {
            let series = || series_of_attributes(SCOPE, self.name, attributes);
            self.exemplars.offer_to(series, &DURATION_BOUNDARIES, seconds, cx);
        });
    }

    /// Takes one measurement of what was traced as `cx`, and is the current span no more.
    pub(crate) fn record_in(&self, duration: Duration, attributes: &[KeyValue], cx: &TraceContext) {
        let seconds = duration.as_secs_f64();
        self.inner.record(seconds, attributes);
        let series = || series_of_attributes(SCOPE, self.name, attributes);
        self.exemplars.offer_to(series, &DURATION_BOUNDARIES, seconds, Some(cx));
    }
}

impl DurationHistogram {
    /// The histogram for one set of attributes, cheaper to record on.
    pub(crate) fn bind(&self, attributes: &[KeyValue]) -> BoundDuration {
        BoundDuration {
            inner: self.inner.bind(attributes),
            series: series_of_attributes(SCOPE, self.name, attributes),
            exemplars: Arc::clone(&self.exemplars),
        }
    }
}

/// A [`DurationHistogram`] for one set of attributes.
#[derive(Debug, Clone)]
pub(crate) struct BoundDuration {
    inner: BoundHistogram<f64>,
    series: u64,
    exemplars: Arc<Exemplars>,
}

impl BoundDuration {
    /// Takes one measurement.
    pub(crate) fn record(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.inner.record(seconds);
        active::with_current(|cx| {
            self.exemplars.offer_to(|| self.series, &DURATION_BOUNDARIES, seconds, cx);
        });
    }

    /// Takes one measurement of what was traced as `cx`, and is the current span no more.
    pub(crate) fn record_in(&self, duration: Duration, cx: &TraceContext) {
        let seconds = duration.as_secs_f64();
        self.inner.record(seconds);
        self.exemplars.offer_to(|| self.series, &DURATION_BOUNDARIES, seconds, Some(cx));
    }
}

/// Attributes of one measurement; absent ones are left out.
pub(crate) fn labels<const N: usize>(list: [Option<KeyValue>; N]) -> Vec<KeyValue> {
    list.into_iter().flatten().collect()
}
