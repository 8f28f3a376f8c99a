//! A histogram of the OpenTelemetry API that keeps exemplars.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundHistogram, BoundSyncInstrument, Histogram, SyncInstrument};

use super::exemplars::{Exemplars, series_of_attributes};
use crate::layer::active;

/// What a histogram measures.
pub(super) trait Measurement: Copy + Send + Sync + 'static {
    /// The same as a number with a fraction, as exemplars hold it.
    fn as_f64(self) -> f64;
}

impl Measurement for f64 {
    fn as_f64(self) -> f64 {
        self
    }
}

impl Measurement for u64 {
    #[expect(clippy::cast_precision_loss, reason = "an exemplar need not be exact beyond 2^53")]
    fn as_f64(self) -> f64 {
        self as f64
    }
}

/// Passes measurements on to the SDK and offers them as exemplars.
pub(super) struct Keeping<T> {
    inner: Histogram<T>,
    scope: Arc<str>,
    name: Box<str>,
    bounds: Arc<[f64]>,
    exemplars: Arc<Exemplars>,
}

impl<T> Keeping<T> {
    pub(super) fn new(
        inner: Histogram<T>,
        scope: &Arc<str>,
        name: &str,
        bounds: Arc<[f64]>,
        exemplars: &Arc<Exemplars>,
    ) -> Self {
        let (scope, name, exemplars) = (Arc::clone(scope), name.into(), Arc::clone(exemplars));
        Self { inner, scope, name, bounds, exemplars }
    }
}

impl<T: Measurement> SyncInstrument<T> for Keeping<T> {
    fn measure(&self, value: T, attributes: &[KeyValue]) {
        self.inner.record(value, attributes);
        active::with_current(|cx| {
            let series = || series_of_attributes(&self.scope, &self.name, attributes);
            self.exemplars.offer_to(series, &self.bounds, value.as_f64(), cx);
        });
    }

    fn bind(&self, attributes: &[KeyValue]) -> Box<dyn BoundSyncInstrument<T> + Send + Sync> {
        Box::new(Bound {
            inner: self.inner.bind(attributes),
            series: series_of_attributes(&self.scope, &self.name, attributes),
            bounds: Arc::clone(&self.bounds),
            exemplars: Arc::clone(&self.exemplars),
        })
    }
}

/// A [`Keeping`] for one set of attributes.
struct Bound<T> {
    inner: BoundHistogram<T>,
    series: u64,
    bounds: Arc<[f64]>,
    exemplars: Arc<Exemplars>,
}

impl<T: Measurement> BoundSyncInstrument<T> for Bound<T> {
    fn measure(&self, value: T) {
        self.inner.record(value);
        active::with_current(|cx| {
            self.exemplars.offer_to(|| self.series, &self.bounds, value.as_f64(), cx);
        });
    }
}
