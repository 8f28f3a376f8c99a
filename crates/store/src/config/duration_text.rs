//! Durations in settings: text as the Collector writes it (`200ms`, `60s`, `1m30s`, `168h`), or whole milliseconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

#[derive(Deserialize)]
#[serde(untagged, expecting = "a duration, such as 200ms, 60s, 1m30s or 168h")]
enum Written {
    Millis(u64),
    Text(String),
}

pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*value))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Millis(millis) => Ok(Duration::from_millis(millis)),
        Written::Text(text) => parse(&text).ok_or_else(|| {
            de::Error::custom(format!("{text:?} is no duration: write it as 200ms, 60s, 1m30s or 168h"))
        }),
    }
}

/// The largest unit that divides it.
fn format(value: Duration) -> String {
    let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let unit = UNITS.iter().skip(1).find(|(_, unit)| millis.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / unit))
}

fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut millis = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        millis += number.parse::<f64>().ok()? * *scale as f64;
        rest = after;
    }
    Duration::try_from_secs_f64(millis / 1_000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_collectors_forms() {
        for (text, millis) in [
            ("200ms", 200),
            ("60s", 60_000),
            ("1m30s", 90_000),
            ("168h", 604_800_000),
            ("1.5s", 1_500),
            ("15d", 1_296_000_000),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "1x", "-1s", "1s2", "1..5s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for (millis, text) in [
            (0, "0s"),
            (200, "200ms"),
            (1_500, "1500ms"),
            (60_000, "1m"),
            (3_600_000, "1h"),
            (1_296_000_000, "360h"),
        ] {
            assert_eq!(format(Duration::from_millis(millis)), text);
            assert_eq!(parse(text), Some(Duration::from_millis(millis)));
        }
    }
}
