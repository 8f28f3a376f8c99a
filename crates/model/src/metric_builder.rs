//! Building a batch of metric points row by row.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;

use crate::batch_error::BatchError;
use crate::columns::{Ids, Offsets, OptionalText, assemble, structs};
use crate::dictionary::DictionaryColumn;
use crate::id::{SpanId, TraceId};
use crate::rows::{MetricPoint, Number, PointData, Quantile};
use crate::schema;
use crate::signal::Signal;
use crate::span_builder::json;

/// Builds a batch of metric points.
#[derive(Debug, Default)]
pub struct MetricBatchBuilder {
    name: DictionaryColumn,
    description: DictionaryColumn,
    unit: DictionaryColumn,
    kind: Int32Builder,
    temporality: Int32Builder,
    monotonic: BooleanBuilder,
    metadata: OptionalText,
    service: DictionaryColumn,
    resource: DictionaryColumn,
    scope: DictionaryColumn,
    attributes: DictionaryColumn,
    start: Int64Builder,
    time: Int64Builder,
    flags: UInt32Builder,
    value_double: Float64Builder,
    value_int: Int64Builder,
    count: UInt64Builder,
    sum: Float64Builder,
    min: Float64Builder,
    max: Float64Builder,
    bucket_counts: Numbers<UInt64Builder>,
    explicit_bounds: Numbers<Float64Builder>,
    scale: Int32Builder,
    zero_count: UInt64Builder,
    zero_threshold: Float64Builder,
    positive: Buckets,
    negative: Buckets,
    quantiles: Quantiles,
    exemplars: Exemplars,
    /// Codes of service, resource and scope.
    origin: [i32; 3],
    /// The resource and scope that `origin` stands for, when an owned point set it.
    shared_origin: Option<(Arc<crate::Resource>, Arc<crate::Scope>)>,
    /// Codes of name, description and unit.
    metric: [i32; 3],
    /// Kind, temporality, monotonic.
    numbers: (i32, i32, bool),
    metadata_json: String,
    rows: usize,
}

#[derive(Debug, Default)]
struct Numbers<B> {
    offsets: Offsets,
    values: B,
    len: usize,
}

impl Numbers<UInt64Builder> {
    fn push(&mut self, values: &[u64]) {
        self.values.append_slice(values);
        self.len += values.len();
        self.offsets.end_row(self.len);
    }

    fn finish(&mut self) -> Result<Option<ArrayRef>, BatchError> {
        self.len = 0;
        self.offsets.finish(DataType::UInt64, Arc::new(self.values.finish()))
    }
}

impl Numbers<Float64Builder> {
    fn push(&mut self, values: &[f64]) {
        self.values.append_slice(values);
        self.len += values.len();
        self.offsets.end_row(self.len);
    }

    fn finish(&mut self) -> Result<Option<ArrayRef>, BatchError> {
        self.len = 0;
        self.offsets.finish(DataType::Float64, Arc::new(self.values.finish()))
    }
}

#[derive(Debug, Default)]
struct Buckets {
    offset: Int32Builder,
    counts: Numbers<UInt64Builder>,
}

impl Buckets {
    fn push(&mut self, buckets: Option<(i32, &[u64])>) {
        self.offset.append_option(buckets.map(|(offset, _)| offset));
        self.counts.push(buckets.map(|(_, counts)| counts).unwrap_or_default());
    }
}

#[derive(Debug, Default)]
struct Quantiles {
    offsets: Offsets,
    quantile: Float64Builder,
    value: Float64Builder,
    len: usize,
}

impl Quantiles {
    fn push(&mut self, quantiles: &[Quantile]) {
        for quantile in quantiles {
            self.quantile.append_value(quantile.quantile);
            self.value.append_value(quantile.value);
        }
        self.len += quantiles.len();
        self.offsets.end_row(self.len);
    }

    fn finish(&mut self) -> Result<Option<ArrayRef>, BatchError> {
        self.len = 0;
        let columns: Vec<ArrayRef> = vec![Arc::new(self.quantile.finish()), Arc::new(self.value.finish())];
        structs(&mut self.offsets, schema::QUANTILE_FIELDS.clone(), columns)
    }
}

#[derive(Debug)]
struct Exemplars {
    offsets: Offsets,
    time: Int64Builder,
    double: Float64Builder,
    int: Int64Builder,
    trace_id: Ids,
    span_id: Ids,
    attributes: OptionalText,
    len: usize,
}

impl Default for Exemplars {
    fn default() -> Self {
        Self {
            offsets: Offsets::default(),
            time: Int64Builder::new(),
            double: Float64Builder::new(),
            int: Int64Builder::new(),
            trace_id: Ids::traces(),
            span_id: Ids::spans(),
            attributes: OptionalText::default(),
            len: 0,
        }
    }
}

impl Exemplars {
    fn push(
        &mut self,
        time_ns: i64,
        value: Option<Number>,
        (trace_id, span_id): (Option<TraceId>, Option<SpanId>),
        attributes_json: Option<&str>,
    ) -> Result<(), BatchError> {
        self.time.append_value(time_ns);
        let (double, int) = split(value);
        self.double.append_option(double);
        self.int.append_option(int);
        self.trace_id.push(trace_id.as_ref().map(|id| id.0.as_slice()))?;
        self.span_id.push(span_id.as_ref().map(|id| id.0.as_slice()))?;
        self.attributes.push_option(attributes_json);
        self.len += 1;
        Ok(())
    }

    fn end_row(&mut self) {
        self.offsets.end_row(self.len);
    }

    fn finish(&mut self) -> Result<Option<ArrayRef>, BatchError> {
        self.len = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.time.finish()),
            Arc::new(self.double.finish()),
            Arc::new(self.int.finish()),
            self.trace_id.finish_array(),
            self.span_id.finish_array(),
            self.attributes.finish_array(),
        ];
        structs(&mut self.offsets, schema::EXEMPLAR_FIELDS.clone(), columns)
    }
}

fn split(number: Option<Number>) -> (Option<f64>, Option<i64>) {
    match number {
        None => (None, None),
        Some(Number::Double(value)) => (Some(value), None),
        Some(Number::Int(value)) => (None, Some(value)),
    }
}

/// What a metric says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricFields<'a> {
    /// Name.
    pub name: &'a str,
    /// Description.
    pub description: &'a str,
    /// Unit (UCUM).
    pub unit: &'a str,
    /// [`PointData::kind`] of its points.
    pub kind: i32,
    /// 0 unspecified, 1 delta, 2 cumulative.
    pub temporality: i32,
    /// Whether a sum only grows.
    pub monotonic: bool,
    /// Metadata as attribute JSON; `None` when there is none.
    pub metadata_json: Option<&'a str>,
}

/// One point; which of the fields mean something is up to the metric's kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct PointFields<'a> {
    /// Attributes as JSON; `{}` or empty when there are none.
    pub attributes_json: &'a str,
    /// Start of the interval, 0 when unknown.
    pub start_ns: i64,
    /// Time of the point.
    pub time_ns: i64,
    /// OTLP flags.
    pub flags: u32,
    /// Value of a gauge or sum.
    pub number: Option<Number>,
    /// Number of observations.
    pub count: Option<u64>,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Counts of a histogram's buckets.
    pub bucket_counts: &'a [u64],
    /// Their upper bounds.
    pub explicit_bounds: &'a [f64],
    /// Scale, zero count and zero threshold of an exponential histogram.
    pub exponential: Option<(i32, u64, f64)>,
    /// Index of the first positive bucket, and the counts from there.
    pub positive: Option<(i32, &'a [u64])>,
    /// Likewise for negative observations.
    pub negative: Option<(i32, &'a [u64])>,
    /// Quantiles of a summary.
    pub quantiles: &'a [Quantile],
}

impl<'a> PointFields<'a> {
    fn of(data: &'a PointData) -> Self {
        let buckets = |buckets: &'a Option<(i32, Vec<u64>)>| {
            buckets.as_ref().map(|(offset, counts)| (*offset, counts.as_slice()))
        };
        match data {
            PointData::Gauge(number) | PointData::Sum(number) => Self { number: *number, ..Self::default() },
            PointData::Histogram(h) => Self {
                count: Some(h.count),
                sum: h.sum,
                min: h.min,
                max: h.max,
                bucket_counts: &h.bucket_counts,
                explicit_bounds: &h.explicit_bounds,
                ..Self::default()
            },
            PointData::ExponentialHistogram(h) => Self {
                count: Some(h.count),
                sum: h.sum,
                min: h.min,
                max: h.max,
                exponential: Some((h.scale, h.zero_count, h.zero_threshold)),
                positive: buckets(&h.positive),
                negative: buckets(&h.negative),
                ..Self::default()
            },
            PointData::Summary { count, sum, quantiles } => {
                Self { count: Some(*count), sum: Some(*sum), quantiles, ..Self::default() }
            }
        }
    }
}

impl MetricBatchBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many points it holds.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Says where the following points come from: `service.name`, the resource's JSON and the
    /// scope's JSON.
    pub fn set_origin(&mut self, service: &str, resource_json: &str, scope_json: &str) {
        let resource = self.intern_resource(service, resource_json);
        let scope = self.intern_scope(scope_json);
        self.set_origin_codes(resource, scope);
    }

    /// The codes of a `service.name` and a resource's JSON, for
    /// [`set_origin_codes`](Self::set_origin_codes).
    pub fn intern_resource(&mut self, service: &str, json: &str) -> (i32, i32) {
        (self.service.intern(service), self.resource.intern(json))
    }

    /// The code of a scope's JSON, for [`set_origin_codes`](Self::set_origin_codes).
    pub fn intern_scope(&mut self, json: &str) -> i32 {
        self.scope.intern(json)
    }

    /// [`set_origin`](Self::set_origin) with what was interned before.
    pub fn set_origin_codes(&mut self, (service, resource): (i32, i32), scope: i32) {
        self.shared_origin = None;
        self.origin = [service, resource, scope];
    }

    /// Says of which metric the following points are.
    pub fn set_metric(&mut self, metric: &MetricFields<'_>) {
        self.metric = [
            self.name.intern(metric.name),
            self.description.intern(metric.description),
            self.unit.intern(metric.unit),
        ];
        self.numbers = (metric.kind, metric.temporality, metric.monotonic);
        self.metadata_json.clear();
        self.metadata_json.push_str(metric.metadata_json.unwrap_or_default());
    }

    /// An exemplar of the point under way; the attributes as JSON, `None` when there are none.
    ///
    /// # Errors
    /// None for ids of the right width, which the types see to.
    pub fn exemplar(
        &mut self,
        time_ns: i64,
        value: Option<Number>,
        (trace_id, span_id): (Option<TraceId>, Option<SpanId>),
        attributes_json: Option<&str>,
    ) -> Result<(), BatchError> {
        self.exemplars.push(time_ns, value, (trace_id, span_id), attributes_json)
    }

    /// Ends the point under way.
    ///
    /// # Errors
    /// None known.
    pub fn finish_point(&mut self, point: &PointFields<'_>) -> Result<(), BatchError> {
        let [name, description, unit] = self.metric;
        self.name.push(name);
        self.description.push(description);
        self.unit.push(unit);
        let (kind, temporality, monotonic) = self.numbers;
        self.kind.append_value(kind);
        self.temporality.append_value(temporality);
        self.monotonic.append_value(monotonic);
        self.metadata.push(&self.metadata_json);
        let [service, resource, scope] = self.origin;
        self.service.push(service);
        self.resource.push(resource);
        self.scope.push(scope);
        self.attributes.push_text(if point.attributes_json.is_empty() {
            "{}"
        } else {
            point.attributes_json
        });
        self.start.append_value(point.start_ns);
        self.time.append_value(point.time_ns);
        self.flags.append_value(point.flags);
        self.push_data(point);
        self.exemplars.end_row();
        self.rows += 1;
        Ok(())
    }

    /// Appends a point.
    ///
    /// # Errors
    /// None for ids of the right width, which the types see to.
    pub fn push(&mut self, point: &MetricPoint) -> Result<(), BatchError> {
        self.share_origin(point);
        self.set_metric(&MetricFields {
            name: &point.name,
            description: &point.description,
            unit: &point.unit,
            kind: point.data.kind(),
            temporality: point.temporality,
            monotonic: point.monotonic,
            metadata_json: json(&point.metadata).as_deref(),
        });
        for exemplar in &point.exemplars {
            let ids = (exemplar.trace_id, exemplar.span_id);
            self.exemplar(exemplar.time_ns, exemplar.value, ids, json(&exemplar.attributes).as_deref())?;
        }
        self.finish_point(&PointFields {
            attributes_json: json(&point.attributes).as_deref().unwrap_or_default(),
            start_ns: point.start_ns,
            time_ns: point.time_ns,
            flags: point.flags,
            ..PointFields::of(&point.data)
        })
    }

    fn share_origin(&mut self, point: &MetricPoint) {
        if let Some((resource, scope)) = &self.shared_origin
            && Arc::ptr_eq(resource, &point.resource)
            && Arc::ptr_eq(scope, &point.scope)
        {
            return;
        }
        self.set_origin(point.resource.service_name(), &point.resource.to_json(), &point.scope.to_json());
        self.shared_origin = Some((Arc::clone(&point.resource), Arc::clone(&point.scope)));
    }

    fn push_data(&mut self, cells: &PointFields<'_>) {
        let (double, int) = split(cells.number);
        self.value_double.append_option(double);
        self.value_int.append_option(int);
        self.count.append_option(cells.count);
        self.sum.append_option(cells.sum);
        self.min.append_option(cells.min);
        self.max.append_option(cells.max);
        self.bucket_counts.push(cells.bucket_counts);
        self.explicit_bounds.push(cells.explicit_bounds);
        self.scale.append_option(cells.exponential.map(|(scale, ..)| scale));
        self.zero_count.append_option(cells.exponential.map(|(_, count, _)| count));
        self.zero_threshold.append_option(cells.exponential.map(|(.., threshold)| threshold));
        self.positive.push(cells.positive);
        self.negative.push(cells.negative);
        self.quantiles.push(cells.quantiles);
    }

    /// The batch; leaves the builder empty.
    ///
    /// # Errors
    /// None known: the columns grow together.
    pub fn finish(&mut self) -> Result<RecordBatch, BatchError> {
        let rows = std::mem::take(&mut self.rows);
        self.shared_origin = None;
        let fixed = vec![
            (schema::NAME, Some(self.name.finish()?)),
            (schema::DESCRIPTION, unless_blank(&mut self.description)?),
            (schema::UNIT, unless_blank(&mut self.unit)?),
            (schema::KIND, Some(Arc::new(self.kind.finish()) as _)),
            (schema::TEMPORALITY, Some(Arc::new(self.temporality.finish()) as _)),
            (schema::MONOTONIC, Some(Arc::new(self.monotonic.finish()) as _)),
            (schema::METADATA, self.metadata.finish()),
            (schema::SERVICE, Some(self.service.finish()?)),
            (schema::RESOURCE, Some(self.resource.finish()?)),
            (schema::SCOPE, Some(self.scope.finish()?)),
            (schema::ATTRIBUTES, Some(self.attributes.finish()?)),
            (schema::START_NS, Some(Arc::new(self.start.finish()) as _)),
            (schema::TIME_NS, Some(Arc::new(self.time.finish()) as _)),
            (schema::FLAGS, Some(Arc::new(self.flags.finish()) as _)),
            (schema::VALUE_DOUBLE, unless_null(Arc::new(self.value_double.finish()))),
            (schema::VALUE_INT, unless_null(Arc::new(self.value_int.finish()))),
            (schema::COUNT, unless_null(Arc::new(self.count.finish()))),
            (schema::SUM, unless_null(Arc::new(self.sum.finish()))),
            (schema::MIN, unless_null(Arc::new(self.min.finish()))),
            (schema::MAX, unless_null(Arc::new(self.max.finish()))),
            (schema::BUCKET_COUNTS, self.bucket_counts.finish()?),
            (schema::EXPLICIT_BOUNDS, self.explicit_bounds.finish()?),
            (schema::SCALE, unless_null(Arc::new(self.scale.finish()))),
            (schema::ZERO_COUNT, unless_null(Arc::new(self.zero_count.finish()))),
            (schema::ZERO_THRESHOLD, unless_null(Arc::new(self.zero_threshold.finish()))),
            (schema::POSITIVE_OFFSET, unless_null(Arc::new(self.positive.offset.finish()))),
            (schema::POSITIVE_COUNTS, self.positive.counts.finish()?),
            (schema::NEGATIVE_OFFSET, unless_null(Arc::new(self.negative.offset.finish()))),
            (schema::NEGATIVE_COUNTS, self.negative.counts.finish()?),
            (schema::QUANTILES, self.quantiles.finish()?),
            (schema::EXEMPLARS, self.exemplars.finish()?),
        ];
        assemble(Signal::Metrics, rows, fixed, Vec::new())
    }
}

fn unless_blank(column: &mut DictionaryColumn) -> Result<Option<ArrayRef>, BatchError> {
    let blank = column.is_blank();
    let array = column.finish()?;
    Ok((!blank).then_some(array))
}

fn unless_null(array: ArrayRef) -> Option<ArrayRef> {
    (array.null_count() < array.len()).then_some(array)
}
