//! Meters whose histograms have the house boundaries and keep exemplars, which the SDK never
//! collects.

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{
    AsyncInstrumentBuilder, Counter, Gauge, Histogram, HistogramBuilder, InstrumentBuilder,
    InstrumentProvider, Meter, MeterProvider, ObservableCounter, ObservableGauge, ObservableUpDownCounter,
    UpDownCounter,
};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::exemplars::Exemplars;
use super::histogram::{Keeping, Measurement};
use crate::export::metrics::DURATION_BOUNDARIES;

/// Boundaries of the SDK for histograms that say nothing.
const SDK_BOUNDARIES: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 7.5e3, 1e4];

/// The provider that services and libraries get their meters from.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    pub(crate) sdk: SdkMeterProvider,
    exemplars: Arc<Exemplars>,
}

impl Meters {
    pub(crate) fn new(sdk: SdkMeterProvider, exemplars: Arc<Exemplars>) -> Self {
        Self { sdk, exemplars }
    }

    /// The meter of the toolkit's own instruments, which offer their exemplars themselves.
    pub(crate) fn own(&self) -> Meter {
        let meter = self.sdk.meter(super::SCOPE);
        Meter::new(Arc::new(Instruments { meter, scope: super::SCOPE.into(), exemplars: None }))
    }
}

impl MeterProvider for Meters {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        let name = scope.name().into();
        let meter = self.sdk.meter_with_scope(scope);
        let exemplars = Some(Arc::clone(&self.exemplars));
        Meter::new(Arc::new(Instruments { meter, scope: name, exemplars }))
    }
}

/// Makes the instruments of one scope.
struct Instruments {
    meter: Meter,
    scope: Arc<str>,
    exemplars: Option<Arc<Exemplars>>,
}

impl Instruments {
    fn keeping<T: Measurement>(&self, inner: Histogram<T>, name: &str, bounds: Arc<[f64]>) -> Histogram<T> {
        let Some(exemplars) = &self.exemplars else { return inner };
        let keeping = Keeping::new(inner, &self.scope, name, bounds, exemplars);
        Histogram::new(Arc::new(keeping))
    }
}

/// The boundaries a histogram is made with: its own, those of durations, or the SDK's.
fn bounds(unit: Option<&str>, own: Option<Vec<f64>>) -> Vec<f64> {
    own.unwrap_or_else(|| match unit {
        Some("s") => DURATION_BOUNDARIES.to_vec(),
        _ => SDK_BOUNDARIES.to_vec(),
    })
}

macro_rules! histograms {
    ($($make:ident: $number:ty),*) => {$(
        fn $make(&self, builder: HistogramBuilder<'_, Histogram<$number>>) -> Histogram<$number> {
            let bounds = bounds(builder.unit.as_deref(), builder.boundaries);
            let mut inner = self.meter.$make(builder.name.clone()).with_boundaries(bounds.clone());
            inner.description = builder.description;
            inner.unit = builder.unit;
            self.keeping(inner.build(), &builder.name, bounds.into())
        }
    )*};
}

macro_rules! passed_on {
    ($($make:ident: $instrument:ty),*) => {$(
        fn $make(&self, builder: InstrumentBuilder<'_, $instrument>) -> $instrument {
            let mut inner = self.meter.$make(builder.name);
            inner.description = builder.description;
            inner.unit = builder.unit;
            inner.build()
        }
    )*};
}

macro_rules! observed {
    ($($make:ident: $instrument:ty, $number:ty);*) => {$(
        fn $make(&self, builder: AsyncInstrumentBuilder<'_, $instrument, $number>) -> $instrument {
            let mut inner = self.meter.$make(builder.name);
            inner.description = builder.description;
            inner.unit = builder.unit;
            inner.callbacks = builder.callbacks;
            inner.build()
        }
    )*};
}

impl InstrumentProvider for Instruments {
    histograms!(f64_histogram: f64, u64_histogram: u64);

    passed_on!(
        u64_counter: Counter<u64>,
        f64_counter: Counter<f64>,
        i64_up_down_counter: UpDownCounter<i64>,
        f64_up_down_counter: UpDownCounter<f64>,
        u64_gauge: Gauge<u64>,
        i64_gauge: Gauge<i64>,
        f64_gauge: Gauge<f64>
    );

    observed!(
        u64_observable_counter: ObservableCounter<u64>, u64;
        f64_observable_counter: ObservableCounter<f64>, f64;
        i64_observable_up_down_counter: ObservableUpDownCounter<i64>, i64;
        f64_observable_up_down_counter: ObservableUpDownCounter<f64>, f64;
        u64_observable_gauge: ObservableGauge<u64>, u64;
        i64_observable_gauge: ObservableGauge<i64>, i64;
        f64_observable_gauge: ObservableGauge<f64>, f64
    );
}
