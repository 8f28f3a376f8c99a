//! Reading the parameters of the older API. Some may be given more than once.

use throughline_model::TraceId;
use throughline_query::TimeRange;

use super::super::error::Fault;
use super::super::find::{Find, LIMIT_MAX};
use super::super::shared_parameters::{tag_object, trace_id};
use crate::time_parameter::{now_ns, parse_go_duration};

const LIMIT_DEFAULT: usize = 100;
const HOUR_NS: i64 = 3_600_000_000_000;

/// Names and values in the order given.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

/// All time, and a little ahead of our clock.
pub(super) fn everything() -> TimeRange {
    TimeRange { start_ns: 0, end_ns: now_ns().saturating_add(HOUR_NS) }
}

impl Parameters {
    pub(super) fn parse(query: Option<&str>) -> Self {
        // A pair that does not decode is left out, as form decoding has no other failure.
        Self(serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn trace_ids(&self) -> Result<Vec<TraceId>, Fault> {
        self.all("traceID").map(trace_id).collect()
    }

    fn micros(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bad =
            || Fault::invalid(format!("unable to parse param '{name}': {text:?} is no time in microseconds"));
        let micros: i64 = text.parse().map_err(|_| bad())?;
        micros.checked_mul(1000).map(Some).ok_or_else(bad)
    }

    fn duration(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bad = || {
            Fault::invalid(format!("unable to parse param '{name}': {text:?} is no duration such as 1.2s"))
        };
        parse_go_duration(text).map(Some).ok_or_else(bad)
    }

    /// What to find, and when.
    pub(super) fn find(&self) -> Result<(Find, TimeRange), Fault> {
        let service = self.get("service").ok_or_else(|| Fault::invalid("parameter 'service' is required"))?;
        let limit = match self.get("limit") {
            None => LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| *limit > 0)
                .ok_or_else(|| Fault::invalid(format!("unable to parse param 'limit': {text:?}")))?,
        };
        let find = Find {
            service: Some(service.to_owned()),
            operation: self.get("operation").filter(|name| *name != "all").map(str::to_owned),
            tags: self.tags()?,
            duration_min_ns: self.duration("minDuration")?,
            duration_max_ns: self.duration("maxDuration")?,
            limit: limit.min(LIMIT_MAX),
        };
        if let (Some(min), Some(max)) = (find.duration_min_ns, find.duration_max_ns)
            && min > max
        {
            return Err(Fault::invalid("'maxDuration' should be greater than 'minDuration'"));
        }
        Ok((find, self.range()?))
    }

    fn range(&self) -> Result<TimeRange, Fault> {
        let end = self.micros("end")?.map_or_else(now_ns, |end| end.saturating_add(1000));
        let lookback = self.get("lookback").and_then(parse_lookback).unwrap_or(2 * HOUR_NS);
        let start = self.micros("start")?.unwrap_or_else(|| end.saturating_sub(lookback));
        if start >= end {
            return Err(Fault::invalid("'end' should be after 'start'"));
        }
        Ok(TimeRange { start_ns: start, end_ns: end })
    }

    /// `endTs` and `lookback`, both in milliseconds.
    pub(super) fn lookback(&self) -> Result<TimeRange, Fault> {
        let millis = |name: &str| {
            let Some(text) = self.get(name) else { return Ok(None) };
            let bad = || {
                Fault::invalid(format!(
                    "unable to parse param '{name}': {text:?} is no number of milliseconds"
                ))
            };
            text.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1_000_000)).map(Some).ok_or_else(bad)
        };
        let end = millis("endTs")?.unwrap_or_else(now_ns);
        let lookback = millis("lookback")?.unwrap_or(24 * HOUR_NS);
        Ok(TimeRange { start_ns: end.saturating_sub(lookback.max(1)), end_ns: end })
    }

    /// `tags` as a JSON object, `tag` as `key:value`.
    fn tags(&self) -> Result<Vec<(String, String)>, Fault> {
        let mut tags = Vec::new();
        for text in self.all("tag").filter(|text| !text.is_empty()) {
            let bad = || {
                Fault::invalid(format!("malformed 'tag' parameter, expecting key:value, received: {text}"))
            };
            let (key, value) = text.split_once(':').ok_or_else(bad)?;
            tags.push((key.to_owned(), value.to_owned()));
        }
        for text in self.all("tags").filter(|text| !text.is_empty()) {
            tags.extend(tag_object(text)?);
        }
        Ok(tags)
    }
}

/// `1h`, `2d` as the UI writes it, or `custom`.
fn parse_lookback(text: &str) -> Option<i64> {
    match text.strip_suffix('d') {
        Some(days) => days.parse::<i64>().ok()?.checked_mul(24 * HOUR_NS),
        None => parse_go_duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_read_with_all_its_parameters() {
        let query = "service=shop&operation=GET&tag=a:b&tags=%7B%22http.status_code%22%3A%22500%22%7D&minDuration=1ms&limit=7&start=1000&end=2000";
        let (find, range) = Parameters::parse(Some(query)).find().unwrap();
        assert_eq!(find.tags, [("a".into(), "b".into()), ("http.status_code".into(), "500".into())]);
        assert_eq!((find.limit, find.duration_min_ns), (7, Some(1_000_000)));
        assert_eq!((range.start_ns, range.end_ns), (1_000_000, 2_001_000));
    }

    #[test]
    fn faults_are_named() {
        for (query, named) in [
            ("", "service"),
            ("service=a&limit=x", "limit"),
            ("service=a&tags=[]", "tags"),
            ("service=a&start=2&end=1", "'end'"),
        ] {
            let error = Parameters::parse(Some(query)).find().unwrap_err();
            assert!(error.message.contains(named), "{query}: {}", error.message);
        }
    }
}
