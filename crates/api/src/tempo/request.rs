//! Reading Tempo's query parameters.

use std::collections::HashMap;

use http::{HeaderMap, header};
use throughline_query::TimeRange;
use throughline_wire::otlp::Encoding;

use super::error::TempoError;
use crate::time_parameter::{now_ns, parse_go_duration, parse_time};
use crate::traceql_text::{attribute_equals, quote};

pub(super) type Parameters = axum::extract::Query<HashMap<String, String>>;

/// Clocks of senders may be ahead of ours.
const AHEAD_NS: i64 = 3_600_000_000_000;

/// `start` and `end`; everything when they are absent.
pub(super) fn range(parameters: &HashMap<String, String>) -> Result<TimeRange, TempoError> {
    let (start, end) = (time(parameters, "start")?, time(parameters, "end")?);
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        return Err(TempoError::invalid("invalid start/end: start must be before end"));
    }
    let end = end.unwrap_or_else(|| now_ns().saturating_add(AHEAD_NS));
    Ok(TimeRange { start_ns: start.unwrap_or(0).min(end), end_ns: end })
}

/// The range when the request names one.
pub(super) fn range_hint(parameters: &HashMap<String, String>) -> Result<Option<TimeRange>, TempoError> {
    let named = ["start", "end"].iter().any(|name| given(parameters, name).is_some());
    if named { range(parameters).map(Some) } else { Ok(None) }
}

fn time(parameters: &HashMap<String, String>, name: &str) -> Result<Option<i64>, TempoError> {
    let Some(text) = given(parameters, name).filter(|text| *text != "0") else { return Ok(None) };
    let bad = || TempoError::invalid(format!("invalid {name}: {text:?} is no time in unix seconds"));
    parse_time(text).map(Some).ok_or_else(bad)
}

/// A parameter that is there and not empty.
pub(super) fn given<'a>(parameters: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    parameters.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// A count from 1 to `max`; larger ones are cut, as Grafana sends what its users typed.
pub(super) fn count(
    parameters: &HashMap<String, String>,
    name: &str,
    default: usize,
    max: usize,
) -> Result<usize, TempoError> {
    let Some(text) = given(parameters, name) else { return Ok(default) };
    let number: Option<usize> = text.parse().ok().filter(|number| *number > 0);
    let bad = || TempoError::invalid(format!("invalid {name}: {text:?} must be a positive number"));
    number.map(|number| number.min(max)).ok_or_else(bad)
}

/// The query: `q`, or `tags` with `minDuration` and `maxDuration` as TraceQL.
pub(super) fn query(parameters: &HashMap<String, String>) -> Result<String, TempoError> {
    let q = given(parameters, "q");
    let tags = given(parameters, "tags");
    let durations = [("minDuration", ">="), ("maxDuration", "<=")];
    let by_tags = tags.is_some() || durations.iter().any(|(name, _)| given(parameters, name).is_some());
    match q {
        Some(_) if by_tags => {
            Err(TempoError::invalid("invalid request: use either q or tags and durations, not both"))
        }
        Some(q) => Ok(q.to_owned()),
        None => {
            let mut conditions = Vec::new();
            for (key, value) in logfmt(tags.unwrap_or_default())? {
                conditions.push(condition(&key, &value));
            }
            for (name, operator) in durations {
                if let Some(text) = given(parameters, name) {
                    let ns = parse_go_duration(text).ok_or_else(|| {
                        TempoError::invalid(format!("invalid {name}: {text:?} is no duration"))
                    })?;
                    conditions.push(format!("duration {operator} {ns}ns"));
                }
            }
            Ok(format!("{{ {} }}", conditions.join(" && ")))
        }
    }
}

fn condition(key: &str, value: &str) -> String {
    match (key, value) {
        ("name", _) => format!("name = {}", quote(value)),
        ("root.name", _) => format!("rootName = {}", quote(value)),
        ("root.service.name", _) => format!("rootServiceName = {}", quote(value)),
        ("status.code" | "status", "ok" | "error" | "unset") => format!("status = {value}"),
        ("error", "true") => "status = error".to_owned(),
        _ => format!("({})", attribute_equals(&["."], key, value)),
    }
}

/// `key=value key="quoted value"`.
fn logfmt(text: &str) -> Result<Vec<(String, String)>, TempoError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let bad = || TempoError::invalid(format!("invalid tags: expected key=value at {rest:?}"));
        let (key, after) = rest.split_once('=').ok_or_else(bad)?;
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(bad());
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or_else(bad)?,
            None => match after.split_once(char::is_whitespace) {
                Some((value, after)) => (value.to_owned(), after),
                None => (after.to_owned(), ""),
            },
        };
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// What the client wants: protobuf when it asks for it, JSON else.
pub(super) fn accepted(headers: &HeaderMap) -> Encoding {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let protobuf = accepts.contains("application/protobuf") || accepts.contains("application/x-protobuf");
    if protobuf { Encoding::Protobuf } else { Encoding::Json }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_and_durations_become_traceql() {
        let parameters = of(&[
            ("tags", r#"service.name=shop http.status=500 name="GET /a b" error=true"#),
            ("minDuration", "1.5s"),
        ]);
        expect_test::expect![[r#"{ (."service.name" = "shop") && (."http.status" = "500" || ."http.status" = 500) && name = "GET /a b" && status = error && duration >= 1500000000ns }"#]]
            .assert_eq(&query(&parameters).unwrap());
        assert_eq!(query(&of(&[])).unwrap(), "{  }");
    }

    #[test]
    fn q_and_tags_together_are_refused() {
        assert!(query(&of(&[("q", "{}"), ("tags", "a=b")])).is_err());
        assert!(query(&of(&[("tags", "nothing")])).is_err());
    }

    #[test]
    fn a_range_must_run_forward_and_a_limit_be_positive() {
        assert!(range(&of(&[("start", "20"), ("end", "20")])).is_err());
        assert!(count(&of(&[("limit", "0")]), "limit", 20, 100).is_err());
        assert_eq!(count(&of(&[("limit", "5000")]), "limit", 20, 100).unwrap(), 100);
    }
}
