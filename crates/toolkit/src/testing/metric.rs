//! Metrics as they arrived.

use std::fmt;
use std::sync::Arc;

use opentelemetry::trace::{SpanId, TraceId};

use super::otlp::common::v1::KeyValue;
use super::otlp::metrics::v1 as otlp;
use super::otlp::resource::v1::Resource;
use super::span::{span_id, text_of, trace_id};
use super::{Trace, Value};

/// A metric as it was exported: once by one service, or, out of [`super::Sink::metric`], last by
/// each service that has it.
#[derive(Debug, Clone)]
pub struct Metric {
    name: Arc<str>,
    exports: Vec<Arc<Export>>,
    /// All exports of this name: an exemplar is exported once only.
    history: Arc<[Arc<Export>]>,
}

#[derive(Debug)]
struct Export {
    metric: otlp::Metric,
    scope: String,
    resource: Arc<Resource>,
}

impl Export {
    /// Whether it is of the same service and scope.
    fn is_of(&self, other: &Self) -> bool {
        self.resource == other.resource && self.scope == other.scope
    }
}

impl Metric {
    pub(super) fn new(metric: otlp::Metric, scope: String, resource: Arc<Resource>) -> Self {
        let name = metric.name.as_str().into();
        let exports = vec![Arc::new(Export { metric, scope, resource })];
        Self { name, history: exports.clone().into(), exports }
    }

    /// The metric of this name out of all exports, as each service and scope has it now.
    pub(super) fn latest(exported: &[Self], name: &str) -> Option<Self> {
        let mut exports: Vec<Arc<Export>> = Vec::new();
        let named = exported.iter().filter(|metric| &*metric.name == name);
        let history: Vec<Arc<Export>> = named.flat_map(|metric| metric.exports.iter().cloned()).collect();
        for export in history.iter().rev() {
            if !exports.iter().any(|known| known.is_of(export)) {
                exports.push(Arc::clone(export));
            }
        }
        (!exports.is_empty()).then(|| Self { name: name.into(), exports, history: history.into() })
    }

    fn first(&self) -> Option<&otlp::Metric> {
        self.exports.first().map(|export| &export.metric)
    }

    /// The OTLP messages, one for each service and scope.
    pub fn otlp(&self) -> impl Iterator<Item = &otlp::Metric> {
        self.exports.iter().map(|export| &export.metric)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its unit.
    #[must_use]
    pub fn unit(&self) -> &str {
        self.first().map_or("", |metric| &metric.unit)
    }

    /// Its description.
    #[must_use]
    pub fn description(&self) -> &str {
        self.first().map_or("", |metric| &metric.description)
    }

    /// Its points, each for one set of attributes of one service.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        self.exports.iter().flat_map(|export| Point::all(export, &self.history)).collect()
    }

    /// The one point whose attributes include these; values are compared as they print.
    ///
    /// # Panics
    /// When there is no such point, or there are several.
    #[must_use]
    #[track_caller]
    pub fn point<'a>(&self, attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Point {
        let wanted: Vec<_> = attributes.into_iter().collect();
        let points = self.points();
        let mut found = points.iter().filter(|point| point.is(&wanted));
        match (found.next(), found.next()) {
            (Some(point), None) => point.clone(),
            (None, _) => panic!("metric {} has no point {wanted:?}: {points:#?}", self.name),
            _ => panic!("metric {} has several points {wanted:?}: {points:#?}", self.name),
        }
    }
}

/// One series of a metric at the time of an export.
#[derive(Clone)]
pub struct Point {
    data: Data,
    export: Arc<Export>,
    history: Arc<[Arc<Export>]>,
}

#[derive(Debug, Clone)]
enum Data {
    Number(otlp::NumberDataPoint),
    Histogram(otlp::HistogramDataPoint),
    Exponential(otlp::ExponentialHistogramDataPoint),
}

impl Point {
    fn all(export: &Arc<Export>, history: &Arc<[Arc<Export>]>) -> Vec<Self> {
        use otlp::metric::Data as Kind;
        let data: Vec<Data> = match export.metric.data.clone() {
            Some(Kind::Gauge(gauge)) => gauge.data_points.into_iter().map(Data::Number).collect(),
            Some(Kind::Sum(sum)) => sum.data_points.into_iter().map(Data::Number).collect(),
            Some(Kind::Histogram(histogram)) => {
                histogram.data_points.into_iter().map(Data::Histogram).collect()
            }
            Some(Kind::ExponentialHistogram(histogram)) => {
                histogram.data_points.into_iter().map(Data::Exponential).collect()
            }
            Some(Kind::Summary(_)) | None => Vec::new(),
        };
        let point = |data| Self { data, export: Arc::clone(export), history: Arc::clone(history) };
        data.into_iter().map(point).collect()
    }

    fn raw_attributes(&self) -> &[KeyValue] {
        match &self.data {
            Data::Number(point) => &point.attributes,
            Data::Histogram(point) => &point.attributes,
            Data::Exponential(point) => &point.attributes,
        }
    }

    fn is(&self, wanted: &[(&str, &str)]) -> bool {
        let shown = |key: &str| self.attribute(key).map(|found| found.to_string());
        wanted.iter().all(|(key, value)| shown(key).as_deref() == Some(*value))
    }

    /// `service.name` of the service that exported it, empty when there is none.
    #[must_use]
    pub fn service(&self) -> &str {
        text_of(&self.export.resource, "service.name")
    }

    /// The service that exported it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.export.resource
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<Value> {
        Value::find(self.raw_attributes(), key)
    }

    /// Its attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Value)> {
        Value::all(self.raw_attributes())
    }

    /// The value of a counter or gauge; the sum of a histogram.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "tests count less than 2^53")]
    pub fn value(&self) -> f64 {
        use otlp::number_data_point::Value as Number;
        match &self.data {
            Data::Number(point) => match point.value {
                Some(Number::AsDouble(value)) => value,
                Some(Number::AsInt(value)) => value as f64,
                None => f64::NAN,
            },
            Data::Histogram(point) => point.sum.unwrap_or(f64::NAN),
            Data::Exponential(point) => point.sum.unwrap_or(f64::NAN),
        }
    }

    /// The value of a counter of whole numbers.
    #[cfg(feature = "audit")]
    pub(super) fn whole(&self) -> u64 {
        match &self.data {
            Data::Number(point) => match point.value {
                Some(otlp::number_data_point::Value::AsInt(value)) => u64::try_from(value).unwrap_or(0),
                _ => 0,
            },
            _ => 0,
        }
    }

    /// The sum of a histogram's measurements; the value of a counter.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.value()
    }

    /// How many measurements a histogram took.
    ///
    /// # Panics
    /// When it is no histogram.
    #[must_use]
    #[track_caller]
    pub fn count(&self) -> u64 {
        match &self.data {
            Data::Histogram(point) => point.count,
            Data::Exponential(point) => point.count,
            Data::Number(_) => panic!("{} is no histogram: {self:?}", self.export.metric.name),
        }
    }

    /// The buckets of a histogram with explicit bounds: upper bound and count, the last one's
    /// bound infinite. Empty for anything else.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let Data::Histogram(point) = &self.data else { return Vec::new() };
        let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(point.bucket_counts.iter().copied()).collect()
    }

    /// Its exemplars out of all exports so far, in their order.
    #[must_use]
    pub fn exemplars(&self) -> Vec<Exemplar> {
        let exports = self.history.iter().filter(|export| export.is_of(&self.export));
        let points = exports.flat_map(|export| Self::all(export, &self.history));
        let same = points.filter(|point| point.raw_attributes() == self.raw_attributes());
        same.flat_map(|point| point.own_exemplars().to_vec()).map(Exemplar).collect()
    }

    fn own_exemplars(&self) -> &[otlp::Exemplar] {
        match &self.data {
            Data::Number(point) => &point.exemplars,
            Data::Histogram(point) => &point.exemplars,
            Data::Exponential(point) => &point.exemplars,
        }
    }

    /// The exemplar that was taken in this trace.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn exemplar_of(&self, trace: &Trace<'_>) -> Exemplar {
        let found = self.exemplars().into_iter().find(|exemplar| exemplar.trace_id() == trace.id());
        found.unwrap_or_else(|| panic!("no exemplar of trace {} on {self:?}", trace.id()))
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: Vec<String> =
            self.attributes().map(|(key, value)| format!("{key}={value}")).collect();
        write!(f, "{}{{{}}} ", self.export.metric.name, attributes.join(", "))?;
        if matches!(self.data, Data::Number(_)) {
            write!(f, "{}", self.value())?;
        } else {
            write!(f, "sum {} count {}", self.sum(), self.count())?;
        }
        write!(f, " of {}", self.service())?;
        match self.exemplars().len() {
            0 => Ok(()),
            n => write!(f, " with {n} exemplars"),
        }
    }
}

/// A measurement that was kept with the span it was taken in.
#[derive(Debug, Clone)]
pub struct Exemplar(otlp::Exemplar);

impl Exemplar {
    /// The trace it was taken in; invalid outside any.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        trace_id(&self.0.trace_id)
    }

    /// The span it was taken in; invalid outside any.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        span_id(&self.0.span_id)
    }

    /// What was measured.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "tests count less than 2^53")]
    pub fn value(&self) -> f64 {
        match self.0.value {
            Some(otlp::exemplar::Value::AsDouble(value)) => value,
            Some(otlp::exemplar::Value::AsInt(value)) => value as f64,
            None => f64::NAN,
        }
    }
}
