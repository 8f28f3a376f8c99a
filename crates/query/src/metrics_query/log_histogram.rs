//! Counts by power of two, and quantiles from them, as Tempo computes both.

/// A bucket: values up to 2 to this power, and above the power before.
pub(super) type Bucket = i16;

/// Buckets outside of these are not kept.
const LOWEST: Bucket = -64;
const HIGHEST: Bucket = 127;

/// The bucket of a whole number. Numbers below 2 have none, as in Tempo.
pub(super) fn bucket_of_int(value: i64) -> Option<Bucket> {
    let value = u64::try_from(value).ok().filter(|value| *value >= 2)?;
    Bucket::try_from(64 - (value - 1).leading_zeros()).ok()
}

/// The bucket of a number with a fraction; positive numbers have one.
pub(super) fn bucket_of_float(value: f64) -> Option<Bucket> {
    if !(value.is_finite() && value > 0.0) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "powers of two of doubles are small")]
    let bucket = value.log2().ceil() as Bucket;
    (LOWEST..=HIGHEST).contains(&bucket).then_some(bucket)
}

/// The largest value of a bucket.
pub(super) fn bucket_max(bucket: Bucket) -> f64 {
    f64::from(bucket).exp2()
}

/// Where a bucket stands in an array of all buckets.
pub(super) fn slot(bucket: Bucket) -> usize {
    usize::try_from(bucket.clamp(LOWEST, HIGHEST) - LOWEST).unwrap_or_default()
}

/// The bucket at a place of such an array.
pub(super) fn bucket_at(slot: usize) -> Bucket {
    Bucket::try_from(slot).unwrap_or(HIGHEST - LOWEST) + LOWEST
}

/// How long such an array is.
pub(super) const SLOTS: usize = 192;

/// The quantile of counts by bucket, in ascending order without empty buckets; 0 for no counts.
/// Within a bucket the logarithm is taken to grow evenly.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of spans"
)]
pub(super) fn quantile(quantile: f64, buckets: &[(Bucket, u64)]) -> f64 {
    let total: u64 = buckets.iter().map(|(_, count)| count).sum();
    let wanted = ((quantile * total as f64).ceil() as u64).max(1);
    let mut seen = 0;
    let mut before: Option<Bucket> = None;
    for (bucket, count) in buckets {
        if seen + count == wanted {
            return bucket_max(*bucket);
        }
        if seen + count > wanted {
            let part = (wanted - seen) as f64 / *count as f64;
            let high = f64::from(*bucket);
            let low = before.map_or(high - 1.0, f64::from);
            return (low + (high - low) * part).exp2();
        }
        seen += count;
        before = Some(*bucket);
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_to_the_next_power_of_two() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 1024, 1025].map(bucket_of_int),
            [None, None, Some(1), Some(2), Some(2), Some(3), Some(10), Some(11)]
        );
        assert_eq!(
            [0.0, -1.0, 0.5, 0.6, 3.0, f64::NAN].map(bucket_of_float),
            [None, None, Some(-1), Some(0), Some(2), None]
        );
        for bucket in [LOWEST, -1, 0, 30, HIGHEST] {
            assert_eq!(bucket_at(slot(bucket)), bucket);
        }
        assert_eq!(slot(HIGHEST) + 1, SLOTS);
    }

    #[test]
    fn quantiles_follow_the_logarithm_within_a_bucket() {
        let close = |have: f64, want: f64| assert!((have - want).abs() < 1e-9, "{have} is not {want}");
        close(quantile(1.0, &[(3, 10)]), 8.0);
        close(quantile(0.5, &[(3, 10)]), 2.5_f64.exp2());
        close(quantile(0.5, &[(3, 5), (6, 5)]), 8.0);
        // Three of the ten of the second bucket, which reaches down to the first.
        close(quantile(0.65, &[(3, 10), (6, 10)]), (3.0_f64 + 3.0 * 0.3).exp2());
        close(quantile(0.0, &[(3, 4)]), 2.25_f64.exp2());
        close(quantile(0.5, &[]), 0.0);
    }
}
