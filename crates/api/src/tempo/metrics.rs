//! `GET /api/metrics/query_range` and `GET /api/metrics/query`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_query::{
    EXEMPLARS_MAX, Exemplar, SERIES_MAX, SpanMetrics, SpanMetricsRequest, SpanSeries, TimeRange,
};

use super::error::TempoError;
use super::request::{Parameters, count, given};
use super::response::{key_value, query_metrics};
use crate::Shared;
use crate::tenant::tenant;
use crate::time_parameter::{now_ns, parse_go_duration, parse_time};

const SECOND_NS: i64 = 1_000_000_000;
const HOUR_NS: i64 = 3_600 * SECOND_NS;
const MILLISECOND_NS: i64 = 1_000_000;
const SERIES_DEFAULT: usize = 1_000;
/// When the request does not say: some, as many as a chart can show.
const EXEMPLARS_DEFAULT: usize = 20;
/// Samples when the request does not say how far apart: as Tempo, about one in 15 seconds of an hour.
const POINTS_DEFAULT: i64 = 240;

pub(super) async fn query_range(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let time = range(&parameters)?;
    let step_ns = match given(&parameters, "step") {
        Some(text) => Some(step(text)?),
        None => Some(default_step(time)),
    };
    let exemplars = exemplars(&parameters)?;
    let request = request(&headers, &parameters, time, step_ns, exemplars)?;
    let found = shared.engine.span_metrics(request).await?;
    let series: Vec<Value> = found.series.iter().map(series_of_samples).collect();
    let mut answer = json!({"series": series, "metrics": cost(&found)});
    if let (false, Some(answer)) = (found.complete, answer.as_object_mut()) {
        answer.insert("status".to_owned(), "PARTIAL".into());
        answer.insert("message".to_owned(), found.message.unwrap_or_default().into());
    }
    Ok(Json(answer))
}

/// Only the fields that Grafana's plugin knows, as it refuses any other: jobs left undone say that
/// the answer is not complete.
pub(super) async fn query_instant(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let request = request(&headers, &parameters, range(&parameters)?, None, 0)?;
    let found = shared.engine.span_metrics(request).await?;
    let series = found.series.iter().filter_map(|series| {
        let last = series.samples.last()?;
        Some(json!({"labels": labels(series), "value": last.value}))
    });
    let series: Vec<Value> = series.collect();
    Ok(Json(json!({"series": series, "metrics": cost(&found)})))
}

fn request(
    headers: &HeaderMap,
    parameters: &HashMap<String, String>,
    time: TimeRange,
    step_ns: Option<i64>,
    exemplars: usize,
) -> Result<SpanMetricsRequest, TempoError> {
    let query = given(parameters, "q").or_else(|| given(parameters, "query"));
    let query =
        query.ok_or_else(|| TempoError::invalid("invalid request: the query q is missing"))?.to_owned();
    let series_max = count(parameters, "maxSeries", SERIES_DEFAULT, SERIES_MAX)?;
    Ok(SpanMetricsRequest { tenant: tenant(headers)?, query, time, step_ns, exemplars, series_max })
}

/// `start` and `end`, or `since`; the last hour when the request says nothing.
fn range(parameters: &HashMap<String, String>) -> Result<TimeRange, TempoError> {
    let time = |name: &str| match given(parameters, name) {
        Some(text) => parse_time(text).map(Some).ok_or_else(|| bad(name, text, "no time")),
        None => Ok(None),
    };
    let end_ns = time("end")?.unwrap_or_else(now_ns);
    let since_ns = match given(parameters, "since") {
        Some(text) => {
            parse_go_duration(text).filter(|ns| *ns > 0).ok_or_else(|| bad("since", text, "no duration"))?
        }
        None => HOUR_NS,
    };
    let start_ns = time("start")?.unwrap_or_else(|| end_ns.saturating_sub(since_ns).max(0));
    if start_ns >= end_ns {
        return Err(TempoError::invalid("invalid start/end: start must be before end"));
    }
    Ok(TimeRange { start_ns, end_ns })
}

/// A duration as Go writes it, or seconds.
fn step(text: &str) -> Result<i64, TempoError> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds < 9e9);
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
    let step = seconds.map(|seconds| (seconds * 1e9) as i64).or_else(|| parse_go_duration(text));
    step.filter(|ns| *ns > 0).ok_or_else(|| bad("step", text, "no duration"))
}

/// Whole multiples of five seconds, or of one for short ranges.
fn default_step(time: TimeRange) -> i64 {
    let apart = time.end_ns.saturating_sub(time.start_ns) / POINTS_DEFAULT;
    let whole = |unit: i64| apart / unit * unit;
    let five = whole(5 * SECOND_NS);
    if five > 0 { five } else { whole(SECOND_NS).max(SECOND_NS) }
}

fn exemplars(parameters: &HashMap<String, String>) -> Result<usize, TempoError> {
    match given(parameters, "exemplars") {
        None => Ok(EXEMPLARS_DEFAULT),
        Some("false") => Ok(0),
        Some("true") => Ok(EXEMPLARS_DEFAULT),
        Some(text) => {
            let wanted = text.parse::<usize>().map_err(|_| bad("exemplars", text, "no number"))?;
            Ok(wanted.min(EXEMPLARS_MAX))
        }
    }
}

fn bad(name: &str, text: &str, problem: &str) -> TempoError {
    TempoError::invalid(format!("invalid {name}: {text:?} is {problem}"))
}

fn cost(found: &SpanMetrics) -> Value {
    let traces = usize::try_from(found.stats.inspected_traces).unwrap_or(usize::MAX);
    query_metrics(&found.stats, traces, found.complete)
}

fn labels(series: &SpanSeries) -> Vec<Value> {
    series.labels.iter().map(|(name, value)| label(name, value)).collect()
}

/// Durations as text with their unit, as everything that is no plain value.
fn label(name: &str, value: &throughline_query::FieldValue) -> Value {
    use throughline_query::FieldValue;
    match value {
        FieldValue::Duration(_) => json!({"key": name, "value": {"stringValue": value.text()}}),
        value => key_value(name, value),
    }
}

fn series_of_samples(series: &SpanSeries) -> Value {
    let sample = |sample: &throughline_query::Sample| json!({"timestampMs": (sample.time_ns / MILLISECOND_NS).to_string(), "value": sample.value});
    let samples: Vec<Value> = series.samples.iter().map(sample).collect();
    let exemplars: Vec<Value> = series.exemplars.iter().map(exemplar).collect();
    json!({"labels": labels(series), "samples": samples, "exemplars": exemplars})
}

fn exemplar(exemplar: &Exemplar) -> Value {
    let mut labels =
        vec![json!({"key": "trace:id", "value": {"stringValue": exemplar.trace_id.to_string()}})];
    labels.extend(
        exemplar.span_id.map(|id| json!({"key": "span:id", "value": {"stringValue": id.to_string()}})),
    );
    json!({
        "labels": labels,
        "value": exemplar.value,
        "timestampMs": (exemplar.time_ns / MILLISECOND_NS).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_range_is_start_and_end_or_since() {
        let want = TimeRange { start_ns: 1_700_000_000 * SECOND_NS, end_ns: 1_700_000_060 * SECOND_NS };
        for (start, end) in [
            ("1700000000", "1700000060"),
            ("1700000000.0", "1700000060.0"),
            ("1700000000000000000", "1700000060000000000"),
            ("2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z"),
        ] {
            assert_eq!(range(&of(&[("start", start), ("end", end)])).unwrap(), want, "{start}");
        }
        assert_eq!(range(&of(&[("since", "1m"), ("end", "1700000060")])).unwrap(), want);
        assert!(range(&of(&[("start", "5"), ("end", "5")])).is_err());
        assert!(range(&of(&[("since", "soon")])).is_err());
    }

    #[test]
    fn a_step_is_a_duration_or_seconds() {
        assert_eq!(step("60s").unwrap(), 60 * SECOND_NS);
        assert_eq!(step("15").unwrap(), 15 * SECOND_NS);
        assert_eq!(step("0.5").unwrap(), SECOND_NS / 2);
        assert!(["0", "-1", "x"].iter().all(|text| step(text).is_err()));
        assert_eq!(default_step(TimeRange { start_ns: 0, end_ns: HOUR_NS }), 15 * SECOND_NS);
        assert_eq!(default_step(TimeRange { start_ns: 0, end_ns: 60 * SECOND_NS }), SECOND_NS);
    }
}
