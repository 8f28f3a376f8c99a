//! Durations as queries write them: Prometheus' form (`1d12h`) or Go's (`1.5s`, `1h2m`).

const NANO: i128 = 1;
const MICRO: i128 = 1_000 * NANO;
const MILLI: i128 = 1_000 * MICRO;
const SECOND: i128 = 1_000 * MILLI;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// The units of Prometheus, each of which may stand once, in this order.
const PROMETHEUS_UNITS: [(&str, i128); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLI)];

/// Reads a duration into nanoseconds; `None` when the text is none or the result does not fit.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let nanos = parse_prometheus(text).or_else(|| parse_go(text))?;
    i64::try_from(nanos).ok()
}

fn parse_prometheus(text: &str) -> Option<i128> {
    let mut rest = text;
    let mut total = 0i128;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, |c| c.is_alphabetic());
        let index = PROMETHEUS_UNITS.iter().position(|(name, _)| *name == unit)?;
        if index < next_unit {
            return None;
        }
        next_unit = index + 1;
        let (_, scale) = PROMETHEUS_UNITS.get(index)?;
        total = total.checked_add(digits.parse::<i64>().ok().map(i128::from)?.checked_mul(*scale)?)?;
        rest = after;
    }
    (next_unit > 0).then_some(total)
}

fn parse_go(text: &str) -> Option<i128> {
    let mut rest = text;
    let mut total = 0i128;
    while !rest.is_empty() {
        let (whole, after) = split_while(rest, |c| c.is_ascii_digit());
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_while(after, |c| c.is_ascii_digit()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        let scale = match unit {
            "ns" => NANO,
            "us" | "µs" | "μs" => MICRO,
            "ms" => MILLI,
            "s" => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            _ => return None,
        };
        let whole = if whole.is_empty() { 0 } else { i128::from(whole.parse::<i64>().ok()?) };
        total = total.checked_add(whole.checked_mul(scale)?)?.checked_add(part(fraction, scale))?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// The fraction `0.digits` of a unit, cut to whole nanoseconds.
fn part(digits: &str, scale: i128) -> i128 {
    // No unit has more than 1e14 nanoseconds, so 18 digits are more than enough.
    let (numerator, denominator) =
        digits.bytes().take(18).fold((0i128, 1i128), |(numerator, denominator), digit| {
            (numerator * 10 + i128::from(digit.wrapping_sub(b'0')), denominator * 10)
        });
    numerator * scale / denominator
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Prints nanoseconds so that they parse to the same duration: `90s` as `90s`, `1500ms` as
/// `1500ms`. A negative duration has its sign in front.
#[must_use]
pub fn format_duration(nanos: i64) -> String {
    let magnitude = i128::from(nanos).abs();
    let sign = if nanos < 0 { "-" } else { "" };
    if magnitude == 0 {
        return "0s".to_owned();
    }
    let units = [("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLI), ("us", MICRO), ("ns", NANO)];
    let (unit, scale) = units.into_iter().find(|(_, scale)| magnitude % scale == 0).unwrap_or(("ns", NANO));
    format!("{sign}{}{unit}", magnitude / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        for (text, nanos) in [
            ("100ms", 100_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("2d", 172_800_000_000_000),
            ("10µs", 10_000),
            ("1s500ms", 1_500_000_000),
            ("0.000000001s", 1),
        ] {
            assert_eq!(parse_duration(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_duration_or_does_not_fit() {
        for text in ["", "5", "5x", "1.5d", "s", "300y", "1d1y", "1..5s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn printed_durations_read_back() {
        for nanos in [0, 1, 999, 1_000, 1_500_000_000, 5_400_000_000_000, i64::MAX] {
            assert_eq!(parse_duration(&format_duration(nanos)), Some(nanos));
        }
    }
}
