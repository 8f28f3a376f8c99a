//! The values of one series.

use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

/// Exponential histograms are merged to this many buckets above zero.
const BUCKETS_MAX: usize = 20;

/// What a series is at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sample {
    Number(f64),
    Histogram(Histogram),
}

/// A histogram with the upper bounds of its buckets, the last of which is infinite.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) buckets: Vec<Bucket>,
    pub(super) sum: f64,
    pub(super) count: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bucket {
    pub(super) bound: f64,
    /// Measurements in this bucket alone.
    pub(super) count: u64,
    pub(super) exemplar: Option<otlp::Exemplar>,
}

impl Sample {
    /// Takes another sample of what has become the same series in.
    pub(super) fn merge(&mut self, other: Self, add: bool) {
        match (self, other) {
            (Self::Number(value), Self::Number(other)) => *value = if add { *value + other } else { other },
            (Self::Histogram(histogram), Self::Histogram(other)) => histogram.merge(other),
            // Families hold one type.
            (Self::Number(_), Self::Histogram(_)) | (Self::Histogram(_), Self::Number(_)) => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are no more precise")]
pub(super) fn number(point: &otlp::NumberDataPoint) -> Sample {
    Sample::Number(match point.value {
        Some(Number::AsDouble(value)) => value,
        Some(Number::AsInt(value)) => value as f64,
        None => f64::NAN,
    })
}

/// A histogram as it is.
pub(super) fn explicit(point: &otlp::HistogramDataPoint) -> Sample {
    let bounds = point.explicit_bounds.iter().copied().chain([f64::INFINITY]);
    let mut counts = point.bucket_counts.iter().copied();
    let buckets = bounds.map(|bound| Bucket { bound, count: counts.next().unwrap_or(0), exemplar: None });
    let mut buckets: Vec<Bucket> = buckets.collect();
    if point.bucket_counts.is_empty()
        && let Some(last) = buckets.last_mut()
    {
        last.count = point.count;
    }
    Sample::Histogram(Histogram::new(buckets, point.sum, point.count, &point.exemplars))
}

/// An exponential histogram in fewer buckets; zeros and what is below them in one.
pub(super) fn exponential(point: &otlp::ExponentialHistogramDataPoint) -> Sample {
    let negative: u64 = point.negative.iter().flat_map(|buckets| &buckets.bucket_counts).sum();
    let zero = Bucket { bound: 0.0, count: negative + point.zero_count, exemplar: None };
    let mut buckets = vec![zero];
    if let Some(positive) = point.positive.as_ref().filter(|positive| !positive.bucket_counts.is_empty()) {
        let last = i64::try_from(positive.bucket_counts.len()).unwrap_or(i64::MAX) - 1;
        let first = i64::from(positive.offset);
        let merged = |shift: u32| ((first + last) >> shift) - (first >> shift) + 1;
        let shift = (0..32).find(|shift| merged(*shift) <= BUCKETS_MAX as i64).unwrap_or(31);
        let scale = f64::from(point.scale) - f64::from(shift);
        let mut index = None;
        for (at, count) in (first..).zip(&positive.bucket_counts) {
            let merged = at >> shift;
            if index != Some(merged) {
                index = Some(merged);
                #[expect(clippy::cast_precision_loss, reason = "an index has 32 bits")]
                let bound = ((merged + 1) as f64 * (-scale).exp2()).exp2();
                buckets.push(Bucket { bound, count: 0, exemplar: None });
            }
            if let Some(bucket) = buckets.last_mut() {
                bucket.count += count;
            }
        }
    }
    buckets.push(Bucket { bound: f64::INFINITY, count: 0, exemplar: None });
    Sample::Histogram(Histogram::new(buckets, point.sum, point.count, &point.exemplars))
}

impl Histogram {
    fn new(buckets: Vec<Bucket>, sum: Option<f64>, count: u64, exemplars: &[otlp::Exemplar]) -> Self {
        let mut histogram = Self { buckets, sum: sum.unwrap_or(f64::NAN), count };
        for exemplar in exemplars {
            histogram.keep(exemplar.clone());
        }
        histogram
    }

    /// Keeps an exemplar in the bucket it belongs to, if it is the latest there.
    fn keep(&mut self, exemplar: otlp::Exemplar) {
        let value = exemplar_value(&exemplar);
        let bucket = self.buckets.iter_mut().find(|bucket| value <= bucket.bound);
        if let Some(bucket) = bucket {
            let newer = |had: &otlp::Exemplar| had.time_unix_nano <= exemplar.time_unix_nano;
            if bucket.exemplar.as_ref().is_none_or(newer) {
                bucket.exemplar = Some(exemplar);
            }
        }
    }

    /// Adds the counts of another. With other bounds, each of its buckets goes to the first that
    /// holds all of it.
    fn merge(&mut self, other: Self) {
        for bucket in other.buckets {
            if let Some(own) = self.buckets.iter_mut().find(|own| bucket.bound <= own.bound) {
                own.count += bucket.count;
            }
            if let Some(exemplar) = bucket.exemplar {
                self.keep(exemplar);
            }
        }
        self.sum += other.sum;
        self.count += other.count;
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are no more precise")]
pub(super) fn exemplar_value(exemplar: &otlp::Exemplar) -> f64 {
    match exemplar.value {
        Some(otlp::exemplar::Value::AsDouble(value)) => value,
        Some(otlp::exemplar::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_buckets_are_merged_without_losing_a_count() {
        let positive = otlp::exponential_histogram_data_point::Buckets {
            offset: -30,
            bucket_counts: (1..=100).collect(),
        };
        let point = otlp::ExponentialHistogramDataPoint {
            count: 5050 + 3 + 2,
            sum: Some(1.0),
            scale: 3,
            zero_count: 3,
            positive: Some(positive),
            negative: Some(otlp::exponential_histogram_data_point::Buckets {
                offset: 0,
                bucket_counts: vec![2],
            }),
            ..Default::default()
        };
        let Sample::Histogram(histogram) = exponential(&point) else { panic!("not a histogram") };
        assert!(histogram.buckets.len() <= BUCKETS_MAX + 2, "{}", histogram.buckets.len());
        assert_eq!(histogram.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), point.count);
        assert_eq!(histogram.buckets[0], Bucket { bound: 0.0, count: 5, exemplar: None });
        assert!(histogram.buckets.is_sorted_by(|a, b| a.bound < b.bound));
        // Every original bound that is kept is where it was: 2^((index + 1) / 2^scale).
        let bounds: Vec<f64> = (-30..70).map(|i| (f64::from(i + 1) / 8.0).exp2()).collect();
        for bucket in histogram.buckets.iter().filter(|b| b.bound.is_finite() && b.bound > 0.0) {
            let near = bounds.iter().any(|bound| (bound - bucket.bound).abs() < 1e-9 * bound);
            assert!(near || bucket.bound > bounds[99], "{}", bucket.bound);
        }
    }

    #[test]
    fn histograms_that_become_one_are_added_up() {
        let histogram = |count: u64| {
            explicit(&otlp::HistogramDataPoint {
                explicit_bounds: vec![1.0, 2.0],
                bucket_counts: vec![count, 0, 1],
                count: count + 1,
                sum: Some(1.5),
                ..Default::default()
            })
        };
        let mut sample = histogram(2);
        sample.merge(histogram(3), true);
        let Sample::Histogram(merged) = sample else { panic!("not a histogram") };
        let counts: Vec<u64> = merged.buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!((counts, merged.sum, merged.count), (vec![5, 0, 2], 3.0, 7));
    }
}
