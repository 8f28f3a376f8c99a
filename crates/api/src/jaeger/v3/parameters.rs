//! Reading the parameters of the newer API: `query.` before each, camel case or snake case.

use std::collections::HashMap;

use throughline_query::TimeRange;

use super::super::error::Fault;
use super::super::find::{Find, LIMIT_MAX};
use super::super::shared_parameters::tag_object;
use crate::time_parameter::{now_ns, parse_go_duration, parse_time};

const DEPTH_DEFAULT: usize = 100;
const HOUR_NS: i64 = 3_600_000_000_000;

/// All time, and a little ahead of our clock.
pub(super) fn everything() -> TimeRange {
    TimeRange { start_ns: 0, end_ns: now_ns().saturating_add(HOUR_NS) }
}

#[derive(Debug)]
pub(super) struct Parameters(pub(super) HashMap<String, String>);

impl Parameters {
    /// `name` in camel case; the snake case form and the `query.` prefix are found as well.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut snake = String::new();
        for character in name.chars() {
            if character.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(character.to_ascii_lowercase());
        }
        let forms = [format!("query.{name}"), format!("query.{snake}"), name.to_owned(), snake];
        forms.iter().find_map(|form| self.0.get(form)).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bad =
            || Fault::invalid(format!("malformed parameter query.{name}: {text:?} is no RFC 3339 time"));
        parse_time(text).map(Some).ok_or_else(bad)
    }

    fn duration(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bad = || {
            Fault::invalid(format!("malformed parameter query.{name}: {text:?} is no duration such as 1.2s"))
        };
        parse_go_duration(text).map(Some).ok_or_else(bad)
    }

    /// What to find, and when; the times are required.
    pub(super) fn find(&self) -> Result<(Find, TimeRange), Fault> {
        if self.get("filter").is_some() {
            return Err(Fault::invalid("parameter query.filter is not supported; use query.attributes"));
        }
        let required = |name: &str| {
            let missing = || Fault::invalid(format!("malformed parameter query.{name}: it is required"));
            self.time(name)?.ok_or_else(missing)
        };
        let (start, end) = (required("startTimeMin")?, required("startTimeMax")?);
        if start >= end {
            return Err(Fault::invalid("query.startTimeMin must be before query.startTimeMax"));
        }
        let depth = self.get("searchDepth").or_else(|| self.get("numTraces"));
        let limit =
            match depth {
                None => DEPTH_DEFAULT,
                Some(text) => text.parse().ok().filter(|depth| *depth > 0).ok_or_else(|| {
                    Fault::invalid(format!("malformed parameter query.searchDepth: {text:?}"))
                })?,
            };
        let find = Find {
            service: self.get("serviceName").map(str::to_owned),
            operation: self.get("operationName").map(str::to_owned),
            tags: self.get("attributes").map(tag_object).transpose()?.unwrap_or_default(),
            duration_min_ns: self.duration("durationMin")?,
            duration_max_ns: self.duration("durationMax")?,
            limit: limit.min(LIMIT_MAX),
        };
        // Jaeger's end is inclusive.
        Ok((find, TimeRange { start_ns: start, end_ns: end.saturating_add(1) }))
    }

    /// `startTime` and `endTime`; the last day when they are absent.
    pub(super) fn times(&self) -> Result<TimeRange, Fault> {
        let end = self.time("endTime")?.unwrap_or_else(now_ns);
        let start = self.time("startTime")?.unwrap_or_else(|| end.saturating_sub(24 * HOUR_NS));
        if start >= end {
            return Err(Fault::invalid("startTime must be before endTime"));
        }
        Ok(TimeRange { start_ns: start, end_ns: end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Parameters {
        Parameters(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn both_spellings_are_read_and_times_required() {
        let times = [
            ("query.startTimeMin", "2017-01-26T15:46:31Z"),
            ("query.start_time_max", "2017-01-26T15:46:32Z"),
        ];
        let mut pairs = times.to_vec();
        pairs.extend([
            ("query.service_name", "shop"),
            ("query.attributes", r#"{"a":"b"}"#),
            ("query.searchDepth", "3"),
        ]);
        let (find, range) = of(&pairs).find().unwrap();
        assert_eq!((find.service.as_deref(), find.limit), (Some("shop"), 3));
        assert_eq!(range.end_ns - range.start_ns, 1_000_000_001);
        assert!(of(&[("query.serviceName", "shop")]).find().is_err());
    }

    #[test]
    fn a_filter_is_refused_by_name() {
        assert!(of(&[("query.filter", "{}")]).find().unwrap_err().message.contains("query.filter"));
    }
}
