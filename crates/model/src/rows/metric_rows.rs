//! Metric points out of a batch.

use arrow::array::{
    Array, AsArray, BooleanArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, ListArray,
    PrimitiveArray, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, UInt64Type};
use arrow::record_batch::RecordBatch;

use super::column::{Column, Dictionary};
use super::{Exemplar, ExponentialHistogram, Histogram, MetricPoint, Number, PointData, Quantile};
use crate::attr_json;
use crate::batch_error::BatchError;
use crate::origin::{Resource, Scope};
use crate::schema;
use crate::value::Attributes;

/// Every point of a batch, in its order.
///
/// # Errors
/// A batch that is not of the metric schema.
pub fn points(batch: &RecordBatch) -> Result<Vec<MetricPoint>, BatchError> {
    let name = Dictionary::new(batch, schema::NAME)?;
    let description = Dictionary::new(batch, schema::DESCRIPTION)?;
    let unit = Dictionary::new(batch, schema::UNIT)?;
    let metadata = Column::<StringArray>::optional(batch, schema::METADATA)?;
    let temporality = Column::<Int32Array>::optional(batch, schema::TEMPORALITY)?;
    let monotonic = Column::<BooleanArray>::optional(batch, schema::MONOTONIC)?;
    let start = Column::<Int64Array>::optional(batch, schema::START_NS)?;
    let time = Column::<Int64Array>::required(batch, schema::TIME_NS)?;
    let flags = Column::<UInt32Array>::optional(batch, schema::FLAGS)?;
    let resource = Dictionary::new(batch, schema::RESOURCE)?;
    let mut resource = resource.parsed(schema::RESOURCE, Resource::from_json);
    let scope = Dictionary::new(batch, schema::SCOPE)?;
    let mut scope = scope.parsed(schema::SCOPE, Scope::from_json);
    let attributes = Dictionary::new(batch, schema::ATTRIBUTES)?;
    let mut attributes = attributes.parsed::<Attributes>(schema::ATTRIBUTES, attr_json::parse_attributes);
    let data = DataColumns::new(batch)?;
    let exemplars = exemplars(batch)?;
    let mut points = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        points.push(MetricPoint {
            name: name.value(row).to_owned(),
            description: description.value(row).to_owned(),
            unit: unit.value(row).to_owned(),
            metadata: metadata.attributes(row)?,
            temporality: temporality.value(row),
            monotonic: monotonic.value(row),
            attributes: attributes(row)?.as_ref().clone(),
            start_ns: start.value(row),
            time_ns: time.value(row),
            flags: flags.value(row),
            data: data.row(row)?,
            exemplars: exemplars(row)?,
            resource: resource(row)?,
            scope: scope(row)?,
        });
    }
    Ok(points)
}

struct DataColumns<'a> {
    kind: Column<'a, Int32Array>,
    value_double: Column<'a, Float64Array>,
    value_int: Column<'a, Int64Array>,
    count: Column<'a, UInt64Array>,
    sum: Column<'a, Float64Array>,
    min: Column<'a, Float64Array>,
    max: Column<'a, Float64Array>,
    bucket_counts: Column<'a, ListArray>,
    explicit_bounds: Column<'a, ListArray>,
    scale: Column<'a, Int32Array>,
    zero_count: Column<'a, UInt64Array>,
    zero_threshold: Column<'a, Float64Array>,
    positive: (Column<'a, Int32Array>, Column<'a, ListArray>),
    negative: (Column<'a, Int32Array>, Column<'a, ListArray>),
    quantiles: Column<'a, ListArray>,
}

impl<'a> DataColumns<'a> {
    fn new(batch: &'a RecordBatch) -> Result<Self, BatchError> {
        Ok(Self {
            kind: Column::required(batch, schema::KIND)?,
            value_double: Column::optional(batch, schema::VALUE_DOUBLE)?,
            value_int: Column::optional(batch, schema::VALUE_INT)?,
            count: Column::optional(batch, schema::COUNT)?,
            sum: Column::optional(batch, schema::SUM)?,
            min: Column::optional(batch, schema::MIN)?,
            max: Column::optional(batch, schema::MAX)?,
            bucket_counts: Column::optional(batch, schema::BUCKET_COUNTS)?,
            explicit_bounds: Column::optional(batch, schema::EXPLICIT_BOUNDS)?,
            scale: Column::optional(batch, schema::SCALE)?,
            zero_count: Column::optional(batch, schema::ZERO_COUNT)?,
            zero_threshold: Column::optional(batch, schema::ZERO_THRESHOLD)?,
            positive: (
                Column::optional(batch, schema::POSITIVE_OFFSET)?,
                Column::optional(batch, schema::POSITIVE_COUNTS)?,
            ),
            negative: (
                Column::optional(batch, schema::NEGATIVE_OFFSET)?,
                Column::optional(batch, schema::NEGATIVE_COUNTS)?,
            ),
            quantiles: Column::optional(batch, schema::QUANTILES)?,
        })
    }

    fn row(&self, row: usize) -> Result<PointData, BatchError> {
        let number = || {
            let double = self.value_double.get(row).map(Number::Double);
            double.or_else(|| self.value_int.get(row).map(Number::Int))
        };
        let (count, sum) = (self.count.value(row), self.sum.get(row));
        let (min, max) = (self.min.get(row), self.max.get(row));
        Ok(match self.kind.value(row) {
            2 => PointData::Sum(number()),
            3 => PointData::Histogram(Histogram {
                count,
                sum,
                min,
                max,
                bucket_counts: numbers::<UInt64Type>(self.bucket_counts, row),
                explicit_bounds: numbers::<Float64Type>(self.explicit_bounds, row),
            }),
            4 => PointData::ExponentialHistogram(ExponentialHistogram {
                count,
                sum,
                min,
                max,
                scale: self.scale.value(row),
                zero_count: self.zero_count.value(row),
                zero_threshold: self.zero_threshold.value(row),
                positive: buckets(&self.positive, row),
                negative: buckets(&self.negative, row),
            }),
            5 => PointData::Summary { count, sum: sum.unwrap_or_default(), quantiles: self.quantiles(row)? },
            _ => PointData::Gauge(number()),
        })
    }

    fn quantiles(&self, row: usize) -> Result<Vec<Quantile>, BatchError> {
        let Some(items) = self.quantiles.array().and_then(|lists| lists.values().as_struct_opt()) else {
            return Ok(Vec::new());
        };
        let quantile = Column::<Float64Array>::field(items, "quantile")?;
        let value = Column::<Float64Array>::field(items, "value")?;
        let read = |i| Quantile { quantile: quantile.value(i), value: value.value(i) };
        Ok(self.quantiles.range(row).map(read).collect())
    }
}

fn buckets(
    (offset, counts): &(Column<'_, Int32Array>, Column<'_, ListArray>),
    row: usize,
) -> Option<(i32, Vec<u64>)> {
    offset.get(row).map(|offset| (offset, numbers::<UInt64Type>(*counts, row)))
}

fn numbers<T: ArrowPrimitiveType>(lists: Column<'_, ListArray>, row: usize) -> Vec<T::Native> {
    let Some(items) = lists.array() else { return Vec::new() };
    let Some(items) = items.values().as_any().downcast_ref::<PrimitiveArray<T>>() else { return Vec::new() };
    items.values().get(lists.range(row)).map(<[T::Native]>::to_vec).unwrap_or_default()
}

type RowReader<'a> = Box<dyn Fn(usize) -> Result<Vec<Exemplar>, BatchError> + 'a>;

fn exemplars(batch: &RecordBatch) -> Result<RowReader<'_>, BatchError> {
    let lists = Column::<ListArray>::optional(batch, schema::EXEMPLARS)?;
    let Some(items) = lists.array().and_then(|lists| lists.values().as_struct_opt()) else {
        return Ok(Box::new(|_| Ok(Vec::new())));
    };
    let time = Column::<Int64Array>::field(items, schema::TIME_NS)?;
    let double = Column::<Float64Array>::field(items, schema::VALUE_DOUBLE)?;
    let int = Column::<Int64Array>::field(items, schema::VALUE_INT)?;
    let trace_id = Column::<FixedSizeBinaryArray>::field(items, schema::TRACE_ID)?;
    let span_id = Column::<FixedSizeBinaryArray>::field(items, schema::SPAN_ID)?;
    let attributes = Column::<StringArray>::field(items, schema::ATTRIBUTES)?;
    let exemplar = move |i| {
        Ok(Exemplar {
            time_ns: time.value(i),
            value: double.get(i).map(Number::Double).or_else(|| int.get(i).map(Number::Int)),
            trace_id: trace_id.trace_id(i),
            span_id: span_id.span_id(i),
            attributes: attributes.attributes(i)?,
        })
    };
    Ok(Box::new(move |row| lists.range(row).map(exemplar).collect()))
}
