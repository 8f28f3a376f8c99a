//! The latest measurement of each bucket, with the span it was taken in, until the next export.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue as ProtoKeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, exemplar};
use parking_lot::Mutex;

use crate::clock;
use crate::export::metrics::DURATION_BOUNDARIES;
use crate::propagation::TraceContext;
use crate::settings::ExemplarFilter;

const BUCKETS: usize = DURATION_BOUNDARIES.len() + 1;
/// Series beyond this get no exemplars; the SDK itself folds series beyond 2,000.
const SERIES_MAX: usize = 2_000;

/// Exemplars waiting for the next export.
#[derive(Debug)]
pub(crate) struct Exemplars {
    filter: ExemplarFilter,
    series: Mutex<HashMap<u64, Vec<Option<Taken>>>>,
}

#[derive(Debug, Clone)]
struct Taken {
    time_ns: u64,
    value: f64,
    /// Zero ids when the measurement was taken outside any span.
    trace_id: [u8; 16],
    span_id: [u8; 8],
}

impl Exemplars {
    pub(crate) fn new(filter: ExemplarFilter) -> Self {
        Self { filter, series: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn offer(
        &self,
        name: &'static str,
        value: f64,
        attributes: &[KeyValue],
        cx: Option<&TraceContext>,
    ) {
        self.offer_to(|| series_of_attributes(name, attributes), value, cx);
    }

    /// [`Exemplars::offer`] to a series known by its number.
    pub(crate) fn offer_to(&self, series: impl FnOnce() -> u64, value: f64, cx: Option<&TraceContext>) {
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
            time_ns: clock::now_ns(),
            value,
            trace_id: cx.map_or([0; 16], |cx| cx.trace_id().to_bytes()),
            span_id: cx.map_or([0; 8], |cx| cx.span_id().to_bytes()),
        };
        let series = series();
        let bucket = DURATION_BOUNDARIES.iter().take_while(|b| value > **b).count();
        let mut all = self.series.lock();
        if all.len() >= SERIES_MAX && !all.contains_key(&series) {
            return;
        }
        let buckets = all.entry(series).or_insert_with(|| vec![None; BUCKETS]);
        if let Some(slot) = buckets.get_mut(bucket) {
            *slot = Some(taken);
        }
    }

    /// Moves what was taken since the last export to the data points of its series.
    pub(crate) fn attach(&self, request: &mut ExportMetricsServiceRequest) {
        let mut all = std::mem::take(&mut *self.series.lock());
        if all.is_empty() {
            return;
        }
        let scopes = request.resource_metrics.iter_mut().flat_map(|r| &mut r.scope_metrics);
        for metric in scopes.flat_map(|s| &mut s.metrics) {
            let name = &metric.name;
            match &mut metric.data {
                Some(Data::Histogram(data)) => {
                    for point in &mut data.data_points {
                        point.exemplars = take(&mut all, name, &point.attributes);
                    }
                }
                Some(Data::ExponentialHistogram(data)) => {
                    for point in &mut data.data_points {
                        point.exemplars = take(&mut all, name, &point.attributes);
                    }
                }
                _ => {}
            }
        }
    }
}

fn take(
    all: &mut HashMap<u64, Vec<Option<Taken>>>,
    name: &str,
    attributes: &[ProtoKeyValue],
) -> Vec<Exemplar> {
    let pairs = attributes.iter().map(|a| (a.key.as_str(), text_of(a)));
    let taken = all.remove(&series_of(name, pairs)).unwrap_or_default();
    taken.into_iter().flatten().map(Taken::into_exemplar).collect()
}

impl Taken {
    fn into_exemplar(self) -> Exemplar {
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

/// The number of the series that a histogram has for these attributes.
pub(crate) fn series_of_attributes(name: &str, attributes: &[KeyValue]) -> u64 {
    series_of(name, attributes.iter().map(|a| (a.key.as_str(), a.value.as_str())))
}

/// The same number for the same name and attributes in any order.
fn series_of<S: Hash>(name: &str, attributes: impl Iterator<Item = (impl Hash, S)>) -> u64 {
    let mut sum = 0_u64;
    for pair in attributes {
        let mut hasher = DefaultHasher::new();
        pair.hash(&mut hasher);
        sum = sum.wrapping_add(hasher.finish());
    }
    let mut hasher = DefaultHasher::new();
    (name, sum).hash(&mut hasher);
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
