//! Reading query parameters.

use std::collections::HashMap;

use throughline_query::TimeRange;

use super::error::ApiError;
use crate::time_parameter::{now_ns, parse_time};

/// The parameters of a request by name.
pub(super) type Parameters = axum::extract::Query<HashMap<String, String>>;

/// How far back a query looks when it does not say.
const DEFAULT_BACK_NS: i64 = 3_600_000_000_000;

/// `start` and `end`; the last hour when neither is given.
pub(super) fn range(parameters: &HashMap<String, String>) -> Result<TimeRange, ApiError> {
    let end = time(parameters, "end")?.unwrap_or_else(now_ns);
    let start = time(parameters, "start")?.unwrap_or_else(|| end.saturating_sub(DEFAULT_BACK_NS));
    if start >= end {
        return Err(ApiError::invalid("start must be before end"));
    }
    Ok(TimeRange { start_ns: start, end_ns: end })
}

fn time(parameters: &HashMap<String, String>, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = given(parameters, name) else { return Ok(None) };
    let bad = || ApiError::invalid(format!("{name}={text:?}: expected unix seconds or RFC 3339"));
    parse_time(text).map(Some).ok_or_else(bad)
}

/// A number between 1 and `max`.
pub(super) fn limit(
    parameters: &HashMap<String, String>,
    default: usize,
    max: usize,
) -> Result<usize, ApiError> {
    let Some(text) = given(parameters, "limit") else { return Ok(default) };
    let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
    limit.ok_or_else(|| ApiError::invalid(format!("limit={text:?}: expected 1 to {max}")))
}

/// A parameter that is there and not empty.
pub(super) fn given<'a>(parameters: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    parameters.get(name).map(String::as_str).filter(|text| !text.is_empty())
}
