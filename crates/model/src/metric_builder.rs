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
use crate::rows::{Exemplar, MetricPoint, Number, PointData, Quantile};
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
    /// The last resource and scope and what they are in the dictionaries.
    origin: Option<(Arc<crate::Resource>, Arc<crate::Scope>, [i32; 3])>,
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
    fn push(&mut self, buckets: Option<&(i32, Vec<u64>)>) {
        self.offset.append_option(buckets.map(|(offset, _)| *offset));
        self.counts.push(buckets.map(|(_, counts)| counts.as_slice()).unwrap_or_default());
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
    fn push(&mut self, exemplars: &[Exemplar]) -> Result<(), BatchError> {
        for exemplar in exemplars {
            self.time.append_value(exemplar.time_ns);
            let (double, int) = split(exemplar.value);
            self.double.append_option(double);
            self.int.append_option(int);
            self.trace_id.push(exemplar.trace_id.as_ref().map(|id| id.0.as_slice()))?;
            self.span_id.push(exemplar.span_id.as_ref().map(|id| id.0.as_slice()))?;
            self.attributes.push_option(json(&exemplar.attributes).as_deref());
        }
        self.len += exemplars.len();
        self.offsets.end_row(self.len);
        Ok(())
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

/// The cells of the columns that a point's kind decides about.
#[derive(Default)]
struct Cells<'a> {
    number: Option<Number>,
    count: Option<u64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    bucket_counts: &'a [u64],
    explicit_bounds: &'a [f64],
    exponential: Option<(i32, u64, f64)>,
    positive: Option<&'a (i32, Vec<u64>)>,
    negative: Option<&'a (i32, Vec<u64>)>,
    quantiles: &'a [Quantile],
}

impl<'a> From<&'a PointData> for Cells<'a> {
    fn from(data: &'a PointData) -> Self {
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
                positive: h.positive.as_ref(),
                negative: h.negative.as_ref(),
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

    /// Appends a point.
    ///
    /// # Errors
    /// None for ids of the right width, which the types see to.
    pub fn push(&mut self, point: &MetricPoint) -> Result<(), BatchError> {
        let [service, resource, scope] = self.origin(point);
        self.name.push_text(&point.name);
        self.description.push_text(&point.description);
        self.unit.push_text(&point.unit);
        self.kind.append_value(point.data.kind());
        self.temporality.append_value(point.temporality);
        self.monotonic.append_value(point.monotonic);
        self.metadata.push_option(json(&point.metadata).as_deref());
        self.service.push(service);
        self.resource.push(resource);
        self.scope.push(scope);
        self.attributes.push_text(json(&point.attributes).as_deref().unwrap_or("{}"));
        self.start.append_value(point.start_ns);
        self.time.append_value(point.time_ns);
        self.flags.append_value(point.flags);
        self.push_data(&Cells::from(&point.data));
        self.exemplars.push(&point.exemplars)?;
        self.rows += 1;
        Ok(())
    }

    fn origin(&mut self, point: &MetricPoint) -> [i32; 3] {
        if let Some((resource, scope, codes)) = &self.origin
            && Arc::ptr_eq(resource, &point.resource)
            && Arc::ptr_eq(scope, &point.scope)
        {
            return *codes;
        }
        let codes = [
            self.service.intern(point.resource.service_name()),
            self.resource.intern(&point.resource.to_json()),
            self.scope.intern(&point.scope.to_json()),
        ];
        self.origin = Some((Arc::clone(&point.resource), Arc::clone(&point.scope), codes));
        codes
    }

    fn push_data(&mut self, cells: &Cells<'_>) {
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
        self.origin = None;
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
