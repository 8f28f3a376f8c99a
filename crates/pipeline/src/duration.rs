//! Durations as Collector configurations write them: Go's `1m30s`, `200ms`, `1.5h`, or `0`.
//!
//! For `#[serde(with = "throughline_pipeline::duration")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// Reads a duration.
///
/// # Errors
/// Text that is no duration; the message says which forms are.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write a number and a unit, as 200ms, 5s or 1m30s");
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        nanos += number.parse::<f64>().map_err(|_| wrong())? * scale;
        rest = tail;
    }
    if nanos > i64::MAX as f64 {
        return Err(wrong());
    }
    Ok(Duration::from_nanos(nanos as u64))
}

/// Writes a duration so that [`parse`] reads it back.
#[must_use]
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        n if n % 1_000_000_000 == 0 => format!("{}s", n / 1_000_000_000),
        n if n % 1_000_000 == 0 => format!("{}ms", n / 1_000_000),
        n => format!("{n}ns"),
    }
}

/// Writes a duration for serde.
///
/// # Errors
/// What the serializer reports.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// Reads a duration for serde: text, or a whole number of nanoseconds as Go has it.
///
/// # Errors
/// Anything else.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a duration as 200ms, 5s or 1m30s")]
    enum Written {
        Nanos(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Nanos(nanos) => Ok(Duration::from_nanos(nanos)),
        Written::Text(text) => parse(&text).map_err(de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_collectors_write() {
        for (text, millis) in
            [("200ms", 200), ("5s", 5_000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("0", 0), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_numbers_without_unit_and_unknown_units() {
        for text in ["", "5", "5d", "s", "-1s", "1s2", "9999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for nanos in [0, 1, 1_000_000, 5_000_000_000, 90_000_000_001] {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
