//! Tempo's search answer: only the fields that its messages of May 2025 have, as Grafana's plugin
//! refuses any other.

use serde_json::{Map, Value as Json, json};
use throughline_model::Value;
use throughline_query::{FieldValue, QueryStats, SearchResult, SpanMatch, SpansetMatch, TraceMatch};

/// `SearchResponse`.
pub(super) fn search(found: &SearchResult) -> Json {
    let traces: Vec<Json> = found.traces.iter().map(trace).collect();
    json!({"traces": traces, "metrics": query_metrics(&found.stats, found.traces.len(), found.complete)})
}

/// `SearchMetrics`; jobs left undone say that the answer is not complete.
pub(super) fn query_metrics(stats: &QueryStats, traces: usize, complete: bool) -> Json {
    json!({
        "inspectedTraces": traces,
        "inspectedBytes": stats.inspected_bytes.to_string(),
        "inspectedSpans": stats.inspected_rows.to_string(),
        "completedJobs": u32::from(complete),
        "totalJobs": 1,
    })
}

fn trace(found: &TraceMatch) -> Json {
    let summary = &found.summary;
    let duration_ns = summary.end_ns.saturating_sub(summary.start_ns);
    let services: Map<String, Json> = summary
        .services
        .iter()
        .map(|count| {
            let mut counts = Map::new();
            counts.insert("spanCount".to_owned(), count.spans.into());
            if count.errors > 0 {
                counts.insert("errorCount".to_owned(), count.errors.into());
            }
            (count.service.clone(), Json::Object(counts))
        })
        .collect();
    let span_sets: Vec<Json> = found.spansets.iter().map(span_set).collect();
    json!({
        "traceID": summary.trace_id.to_string(),
        "rootServiceName": or_missing(&summary.root_service),
        "rootTraceName": summary.root_name,
        "startTimeUnixNano": summary.start_ns.to_string(),
        "durationMs": duration_ns / 1_000_000,
        "spanSet": span_sets.first(),
        "spanSets": span_sets,
        "serviceStats": services,
    })
}

fn span_set(found: &SpansetMatch) -> Json {
    let attributes: Vec<Json> = found.attributes.iter().map(|(key, value)| key_value(key, value)).collect();
    let mut set =
        json!({"spans": found.spans.iter().map(span).collect::<Vec<_>>(), "matched": found.matched});
    if let (false, Some(set)) = (attributes.is_empty(), set.as_object_mut()) {
        set.insert("attributes".to_owned(), attributes.into());
    }
    set
}

pub(super) fn key_value(key: &str, value: &FieldValue) -> Json {
    json!({"key": key, "value": any_value(&value.clone().into_value())})
}

/// What Tempo writes while the root has not arrived; Grafana shows it.
fn or_missing(root: &str) -> &str {
    if root.is_empty() { "<root span not yet received>" } else { root }
}

fn span(span: &SpanMatch) -> Json {
    let attributes: Vec<Json> =
        span.fields.iter().map(|field| key_value(&field.name(), &field.value)).collect();
    json!({
        "spanID": span.span_id.to_string(),
        "name": span.name,
        "startTimeUnixNano": span.start_ns.to_string(),
        "durationNanos": span.duration_ns.max(0).to_string(),
        "attributes": attributes,
    })
}

fn any_value(value: &Value) -> Json {
    match value {
        Value::Null => json!({}),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Int(number) => json!({"intValue": number.to_string()}),
        Value::Double(number) if number.is_finite() => json!({ "doubleValue": number }),
        Value::Double(number) => json!({"doubleValue": number.to_string()}),
        Value::Array(values) => {
            json!({"arrayValue": {"values": values.iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Bytes(_) | Value::Map(_) => json!({"stringValue": value.display()}),
    }
}
