//! Times and durations in query parameters.

use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: i64 = 1_000_000_000;

/// Now, in nanoseconds since the epoch.
pub(crate) fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Unix seconds (whole or with a fraction), milliseconds, microseconds or nanoseconds by the
/// number of digits, or RFC 3339; as nanoseconds since the epoch.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        let scale = match number.unsigned_abs() {
            0..100_000_000_000 => SECOND,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        return number.checked_mul(scale);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let in_range = seconds.is_finite() && seconds.abs() < 9e9;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
        return in_range.then(|| (seconds * 1e9).round() as i64);
    }
    let parsed = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(parsed.unix_timestamp_nanos()).ok()
}

/// A duration as Go writes it (`1.5s`, `2h45m`, `100ms`, `12us`), in nanoseconds.
pub(crate) fn parse_go_duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
    (!text.trim().is_empty() && total < 9e18).then_some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_apart_by_their_digits() {
        let want = Some(1_700_000_000_000_000_000);
        for text in [
            "1700000000",
            "1700000000.0",
            "1700000000000",
            "1700000000000000",
            "1700000000000000000",
            "2023-11-14T22:13:20Z",
        ] {
            assert_eq!(parse_time(text), want, "{text}");
        }
        for text in ["", "x", "1e300", "NaN", "2023-11-14"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn durations_as_go_writes_them() {
        assert_eq!(parse_go_duration("1h2m3.5s"), Some(3_723_500_000_000));
        assert_eq!(parse_go_duration("100ms"), Some(100_000_000));
        assert_eq!(parse_go_duration("12us"), Some(12_000));
        for text in ["", "5", "s", "1x", "-1s"] {
            assert_eq!(parse_go_duration(text), None, "{text}");
        }
    }
}
