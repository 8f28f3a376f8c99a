//! Metric points, gathered into metrics.

use hashbrown::HashMap;
use throughline_model::{
    Exemplar, ExponentialHistogram, Histogram, MetricPoint, Number, PointData, Quantile,
};

use super::group;
use super::values::write_attributes;
use crate::protobuf::Writer;

pub(super) fn write(rows: &[MetricPoint]) -> Vec<u8> {
    group::write(rows, |writer, points| {
        for metric in metrics(points) {
            let message = writer.open(2);
            write_metric(writer, &metric);
            writer.close(message);
        }
    })
}

/// Points that share everything which a metric says of itself.
fn metrics<'a>(points: &[&'a MetricPoint]) -> Vec<Vec<&'a MetricPoint>> {
    let mut metrics: Vec<Vec<&MetricPoint>> = Vec::new();
    // Only the last metric of a name and kind is tried, so that the work is bounded: points of
    // two metrics that differ in metadata alone may make more than two, which means the same.
    let mut last: HashMap<_, usize, ahash::RandomState> = HashMap::default();
    for point in points {
        let identity = (&point.name, &point.unit, &point.description, numbers(point));
        let known = last.get(&identity).copied();
        match known.and_then(|at| metrics.get_mut(at)) {
            Some(metric) if metric.first().is_some_and(|first| first.metadata == point.metadata) => {
                metric.push(point);
            }
            _ => {
                last.insert(identity, metrics.len());
                metrics.push(vec![point]);
            }
        }
    }
    metrics
}

fn numbers(point: &MetricPoint) -> (i32, i32, bool) {
    (point.data.kind(), point.temporality, point.monotonic)
}

fn write_metric(writer: &mut Writer, points: &[&MetricPoint]) {
    let Some(first) = points.first() else { return };
    writer.string_nonempty(1, &first.name);
    writer.string_nonempty(2, &first.description);
    writer.string_nonempty(3, &first.unit);
    let data = writer.open(match first.data {
        PointData::Gauge(_) => 5,
        PointData::Sum(_) => 7,
        PointData::Histogram(_) => 9,
        PointData::ExponentialHistogram(_) => 10,
        PointData::Summary { .. } => 11,
    });
    for point in points {
        let message = writer.open(1);
        write_point(writer, point);
        writer.close(message);
    }
    match first.data {
        PointData::Gauge(_) | PointData::Summary { .. } => {}
        _ => writer.int32_nonzero(2, first.temporality),
    }
    if matches!(first.data, PointData::Sum(_)) {
        writer.varint_nonzero(3, first.monotonic.into());
    }
    writer.close(data);
    write_attributes(writer, 12, &first.metadata);
}

fn write_point(writer: &mut Writer, point: &MetricPoint) {
    // The fields of each kind of point have numbers of their own but for the two times.
    writer.fixed64_nonzero(2, point.start_ns as u64);
    writer.fixed64_nonzero(3, point.time_ns as u64);
    match &point.data {
        PointData::Gauge(number) | PointData::Sum(number) => {
            write_number(writer, *number, (4, 6));
            write_exemplars(writer, 5, &point.exemplars);
            write_attributes(writer, 7, &point.attributes);
            writer.varint_nonzero(8, point.flags.into());
        }
        PointData::Histogram(histogram) => {
            write_histogram(writer, histogram);
            write_exemplars(writer, 8, &point.exemplars);
            write_attributes(writer, 9, &point.attributes);
            writer.varint_nonzero(10, point.flags.into());
        }
        PointData::ExponentialHistogram(histogram) => {
            write_exponential(writer, histogram);
            write_exemplars(writer, 11, &point.exemplars);
            write_attributes(writer, 1, &point.attributes);
            writer.varint_nonzero(10, point.flags.into());
        }
        PointData::Summary { count, sum, quantiles } => {
            write_summary(writer, *count, *sum, quantiles);
            write_attributes(writer, 7, &point.attributes);
            writer.varint_nonzero(8, point.flags.into());
        }
    }
}

fn write_number(writer: &mut Writer, number: Option<Number>, (double, int): (u32, u32)) {
    match number {
        None => {}
        Some(Number::Double(value)) => writer.double(double, value),
        Some(Number::Int(value)) => writer.fixed64(int, value as u64),
    }
}

fn write_optional(writer: &mut Writer, field: u32, value: Option<f64>) {
    if let Some(value) = value {
        writer.double(field, value);
    }
}

fn write_histogram(writer: &mut Writer, histogram: &Histogram) {
    writer.fixed64_nonzero(4, histogram.count);
    write_optional(writer, 5, histogram.sum);
    writer.packed_fixed64(6, histogram.bucket_counts.iter().copied());
    writer.packed_fixed64(7, histogram.explicit_bounds.iter().map(|bound| bound.to_bits()));
    write_optional(writer, 11, histogram.min);
    write_optional(writer, 12, histogram.max);
}

fn write_exponential(writer: &mut Writer, histogram: &ExponentialHistogram) {
    writer.fixed64_nonzero(4, histogram.count);
    write_optional(writer, 5, histogram.sum);
    writer.sint32_nonzero(6, histogram.scale);
    writer.fixed64_nonzero(7, histogram.zero_count);
    for (field, buckets) in [(8, &histogram.positive), (9, &histogram.negative)] {
        if let Some((offset, counts)) = buckets {
            let message = writer.open(field);
            writer.sint32_nonzero(1, *offset);
            writer.packed_varints(2, counts.iter().copied());
            writer.close(message);
        }
    }
    write_optional(writer, 12, histogram.min);
    write_optional(writer, 13, histogram.max);
    writer.fixed64_nonzero(14, histogram.zero_threshold.to_bits());
}

fn write_summary(writer: &mut Writer, count: u64, sum: f64, quantiles: &[Quantile]) {
    writer.fixed64_nonzero(4, count);
    writer.fixed64_nonzero(5, sum.to_bits());
    for quantile in quantiles {
        let message = writer.open(6);
        writer.fixed64_nonzero(1, quantile.quantile.to_bits());
        writer.fixed64_nonzero(2, quantile.value.to_bits());
        writer.close(message);
    }
}

fn write_exemplars(writer: &mut Writer, field: u32, exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        let message = writer.open(field);
        writer.fixed64_nonzero(2, exemplar.time_ns as u64);
        write_number(writer, exemplar.value, (3, 6));
        if let Some(span_id) = exemplar.span_id {
            writer.bytes(4, &span_id.0);
        }
        if let Some(trace_id) = exemplar.trace_id {
            writer.bytes(5, &trace_id.0);
        }
        write_attributes(writer, 7, &exemplar.attributes);
        writer.close(message);
    }
}
