//! The latest measurement of each bucket, with the span it was taken in: since the last export
//! for OTLP, since the start for those who read at their own pace.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue as ProtoKeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, exemplar};
use parking_lot::Mutex;

use crate::clock;
use crate::metrics::series::Same;
use crate::propagation::TraceContext;
use crate::settings::ExemplarFilter;

/// Series beyond this get no exemplars; the SDK itself folds series beyond 2,000.
const SERIES_MAX: usize = 2_000;

/// Exemplars of every histogram.
#[derive(Debug)]
pub(crate) struct Exemplars {
    filter: ExemplarFilter,
    /// Exemplars stay when they have been exported, for other readers.
    keep: bool,
    /// By the number of the series, which is a hash already.
    series: Mutex<HashMap<u64, Vec<Option<Taken>>, BuildHasherDefault<Same>>>,
}

#[derive(Debug, Clone)]
struct Taken {
    time_ns: u64,
    value: f64,
    /// Zero ids when the measurement was taken outside any span.
    trace_id: [u8; 16],
    span_id: [u8; 8],
    exported: bool,
}

impl Exemplars {
    pub(crate) fn new(filter: ExemplarFilter, keep: bool) -> Self {
        Self { filter, keep, series: Mutex::default() }
    }

    /// Offers a measurement to the series whose number `series` makes, a histogram with these
    /// upper bounds of its buckets.
    pub(crate) fn offer_to(
        &self,
        series: impl FnOnce() -> u64,
        bounds: &[f64],
        value: f64,
        cx: Option<&TraceContext>,
    ) {
        let cx = cx.filter(|cx| cx.is_valid());
        let wanted = match self.filter {
            ExemplarFilter::AlwaysOff => false,
            ExemplarFilter::AlwaysOn => true,
            ExemplarFilter::TraceBased => cx.is_some_and(TraceContext::is_sampled),
        };
        if !wanted {
            return;
        }
        let taken = Taken {
            time_ns: clock::recent_ns(),
            value,
            trace_id: cx.map_or([0; 16], |cx| cx.trace_id().to_bytes()),
            span_id: cx.map_or([0; 8], |cx| cx.span_id().to_bytes()),
            exported: false,
        };
        let series = series();
        let bucket = bounds.partition_point(|bound| value > *bound);
        let mut all = self.series.lock();
        if all.len() >= SERIES_MAX && !all.contains_key(&series) {
            return;
        }
        let buckets = all.entry(series).or_insert_with(|| vec![None; bounds.len() + 1]);
        if let Some(slot) = buckets.get_mut(bucket) {
            *slot = Some(taken);
        }
    }

    /// Moves what was taken since the last export to the data points of its series.
    pub(crate) fn attach(&self, request: &mut ExportMetricsServiceRequest) {
        if self.keep {
            let mut all = self.series.lock();
            return each_histogram(request, |series| {
                let taken = all.get_mut(&series).into_iter().flatten().flatten();
                let fresh = |taken: &mut Taken| {
                    (!std::mem::replace(&mut taken.exported, true)).then(|| taken.to_exemplar())
                };
                taken.filter_map(fresh).collect()
            });
        }
        let mut all = std::mem::take(&mut *self.series.lock());
        if !all.is_empty() {
            each_histogram(request, |series| {
                let taken = all.remove(&series).unwrap_or_default();
                taken.iter().flatten().map(Taken::to_exemplar).collect()
            });
        }
    }

    /// Copies the latest of each bucket to the data points of its series.
    #[cfg(feature = "prometheus")]
    pub(crate) fn copy_to(&self, request: &mut ExportMetricsServiceRequest) {
        let all = self.series.lock();
        each_histogram(request, |series| {
            let taken = all.get(&series).into_iter().flatten().flatten();
            taken.map(Taken::to_exemplar).collect()
        });
    }
}

/// Gives each data point of a histogram the exemplars of its series.
fn each_histogram(
    request: &mut ExportMetricsServiceRequest,
    mut exemplars: impl FnMut(u64) -> Vec<Exemplar>,
) {
    for scoped in request.resource_metrics.iter_mut().flat_map(|r| &mut r.scope_metrics) {
        let scope = scoped.scope.as_ref().map_or("", |scope| scope.name.as_str());
        for metric in &mut scoped.metrics {
            let name = &metric.name;
            let series = |attributes: &[ProtoKeyValue]| {
                series_of(scope, name, attributes.iter().map(|a| (a.key.as_str(), text_of(a))))
            };
            match &mut metric.data {
                Some(Data::Histogram(data)) => {
                    for point in &mut data.data_points {
                        point.exemplars = exemplars(series(&point.attributes));
                    }
                }
                Some(Data::ExponentialHistogram(data)) => {
                    for point in &mut data.data_points {
                        point.exemplars = exemplars(series(&point.attributes));
                    }
                }
                _ => {}
            }
        }
    }
}

impl Taken {
    fn to_exemplar(&self) -> Exemplar {
        let known = self.trace_id != [0; 16];
        Exemplar {
            filtered_attributes: Vec::new(),
            time_unix_nano: self.time_ns,
            span_id: if known { self.span_id.to_vec() } else { Vec::new() },
            trace_id: if known { self.trace_id.to_vec() } else { Vec::new() },
            value: Some(exemplar::Value::AsDouble(self.value)),
        }
    }
}

/// The number of the series that a histogram of a scope has for these attributes.
pub(crate) fn series_of_attributes(scope: &str, name: &str, attributes: &[KeyValue]) -> u64 {
    series_of(scope, name, attributes.iter().map(|a| (a.key.as_str(), a.value.as_str())))
}

/// The same number for the same name and attributes in any order.
fn series_of<S: Hash>(scope: &str, name: &str, attributes: impl Iterator<Item = (impl Hash, S)>) -> u64 {
    let mut sum = 0_u64;
    for pair in attributes {
        let mut hasher = DefaultHasher::new();
        pair.hash(&mut hasher);
        sum = sum.wrapping_add(hasher.finish());
    }
    let mut hasher = DefaultHasher::new();
    (scope, name, sum).hash(&mut hasher);
    hasher.finish()
}

fn text_of(attribute: &ProtoKeyValue) -> std::borrow::Cow<'_, str> {
    match attribute.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(ProtoValue::StringValue(v)) => v.as_str().into(),
        Some(ProtoValue::IntValue(v)) => v.to_string().into(),
        Some(ProtoValue::BoolValue(v)) => v.to_string().into(),
        Some(ProtoValue::DoubleValue(v)) => v.to_string().into(),
        _ => "".into(),
    }
}
