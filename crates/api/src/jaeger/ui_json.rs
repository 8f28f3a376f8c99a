//! Traces in the JSON of Jaeger's UI: spans with tags, references, logs; processes apart.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Map, Value as Json, json};
use throughline_lang::traceql::Kind;
use throughline_model::{Event, Resource, Span, TraceId, Value};

/// Largest integer that JSON readers keep exact.
const EXACT_MAX: u64 = 1 << 53;

/// One trace.
pub(super) fn trace<'a>(trace_id: TraceId, spans: impl Iterator<Item = &'a Span>) -> Json {
    let mut processes: Vec<Arc<Resource>> = Vec::new();
    let spans: Vec<Json> = spans
        .map(|row| {
            let known = processes
                .iter()
                .position(|process| Arc::ptr_eq(process, &row.resource) || *process == row.resource);
            let process = known.unwrap_or_else(|| {
                processes.push(Arc::clone(&row.resource));
                processes.len() - 1
            });
            span(row, process)
        })
        .collect();
    let processes: Map<String, Json> =
        processes.iter().enumerate().map(|(i, resource)| (process_id(i), process(resource))).collect();
    json!({"traceID": id(trace_id), "spans": spans, "processes": processes, "warnings": null})
}

/// A trace's id as Jaeger prints it: 16 digits when the upper half is zero.
pub(super) fn id(trace_id: TraceId) -> String {
    let text = trace_id.to_string();
    text.strip_prefix("0000000000000000").map(str::to_owned).unwrap_or(text)
}

fn process_id(index: usize) -> String {
    format!("p{}", index + 1)
}

fn process(resource: &Resource) -> Json {
    let tags: Vec<Json> = resource
        .attributes
        .iter()
        .filter(|(key, _)| key != "service.name")
        .map(|(key, value)| tag(key, value))
        .collect();
    json!({"serviceName": resource.service_name(), "tags": tags})
}

fn span(span: &Span, process: usize) -> Json {
    let mut references = Vec::new();
    if let Some(parent) = span.parent_span_id {
        references
            .push(json!({"refType": "CHILD_OF", "traceID": id(span.trace_id), "spanID": parent.to_string()}));
    }
    for link in &span.links {
        let child_of = link
            .attributes
            .iter()
            .any(|(key, value)| key == "opentracing.ref_type" && value.as_str() == Some("child_of"));
        let kind = if child_of { "CHILD_OF" } else { "FOLLOWS_FROM" };
        references
            .push(json!({"refType": kind, "traceID": id(link.trace_id), "spanID": link.span_id.to_string()}));
    }
    json!({
        "traceID": id(span.trace_id),
        "spanID": span.span_id.to_string(),
        "flags": span.flags & 0xff,
        "operationName": span.name,
        "references": references,
        "startTime": span.start_ns / 1000,
        "duration": span.duration_ns.max(0) / 1000,
        "tags": tags(span),
        "logs": span.events.iter().map(log).collect::<Vec<_>>(),
        "processID": process_id(process),
        "warnings": null,
    })
}

fn tags(span: &Span) -> Vec<Json> {
    let mut tags: Vec<Json> = span.attributes.iter().map(|(key, value)| tag(key, value)).collect();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(json!({"key": key, "type": "string", "value": value}));
        }
    };
    text("otel.scope.name", &span.scope.name);
    text("otel.scope.version", &span.scope.version);
    text("span.kind", kind(span.kind).unwrap_or_default());
    text(
        "otel.status_code",
        ["", "OK", "ERROR"].get(usize::try_from(span.status_code).unwrap_or(0)).unwrap_or(&""),
    );
    text("otel.status_description", &span.status_message);
    text("w3c.tracestate", &span.trace_state);
    if span.status_code == 2 {
        tags.push(json!({"key": "error", "type": "bool", "value": true}));
    }
    tags
}

fn kind(kind: i32) -> Option<&'static str> {
    match kind {
        1 => Some("internal"),
        2 => Some("server"),
        3 => Some("client"),
        4 => Some("producer"),
        5 => Some("consumer"),
        _ => None,
    }
}

/// The span kind that Jaeger calls so.
pub(super) fn kind_named(name: &str) -> Option<Kind> {
    [Kind::Internal, Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer]
        .into_iter()
        .find(|kind| kind.name() == name)
}

/// Jaeger's name of a span kind; empty for unspecified.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    if kind == Kind::Unspecified { "" } else { kind.name() }
}

fn log(event: &Event) -> Json {
    let mut fields = Vec::new();
    if !event.name.is_empty() {
        fields.push(json!({"key": "event", "type": "string", "value": event.name}));
    }
    fields.extend(event.attributes.iter().map(|(key, value)| tag(key, value)));
    json!({"timestamp": event.time_ns / 1000, "fields": fields})
}

fn tag(key: &str, value: &Value) -> Json {
    let (kind, value) = match value {
        Value::String(text) => ("string", json!(text)),
        Value::Bool(truth) => ("bool", json!(truth)),
        Value::Int(number) if number.unsigned_abs() <= EXACT_MAX => ("int64", json!(number)),
        Value::Int(number) => ("int64", json!(number.to_string())),
        Value::Double(number) if number.is_finite() => ("float64", json!(number)),
        Value::Double(number) => ("float64", json!(number.to_string())),
        Value::Bytes(bytes) => ("binary", json!(base64::engine::general_purpose::STANDARD.encode(bytes))),
        Value::Null | Value::Array(_) | Value::Map(_) => ("string", json!(value.display())),
    };
    json!({"key": key, "type": kind, "value": value})
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_model::{Link, SpanId};

    #[test]
    fn a_span_carries_what_jaegers_ui_reads() {
        let resource = Resource {
            attributes: vec![("service.name".into(), "shop".into()), ("pod".into(), "a".into())],
            ..Resource::default()
        };
        let mut trace_id = TraceId::ZERO;
        trace_id.0[15] = 7;
        let span = Span {
            trace_id,
            span_id: SpanId([1; 8]),
            parent_span_id: Some(SpanId([2; 8])),
            name: "GET /".into(),
            kind: 2,
            start_ns: 5_000,
            duration_ns: 9_000,
            status_code: 2,
            attributes: vec![("n".into(), Value::Int(i64::MAX)), ("b".into(), Value::Bytes(vec![1]))],
            events: vec![Event { time_ns: 6_000, name: "e".into(), ..Event::default() }],
            links: vec![Link { trace_id, span_id: SpanId([3; 8]), ..Link::default() }],
            resource: Arc::new(resource),
            ..Span::default()
        };
        expect_test::expect![[r#"{"traceID":"0000000000000007","spans":[{"traceID":"0000000000000007","spanID":"0101010101010101","flags":0,"operationName":"GET /","references":[{"refType":"CHILD_OF","traceID":"0000000000000007","spanID":"0202020202020202"},{"refType":"FOLLOWS_FROM","traceID":"0000000000000007","spanID":"0303030303030303"}],"startTime":5,"duration":9,"tags":[{"key":"n","type":"int64","value":"9223372036854775807"},{"key":"b","type":"binary","value":"AQ=="},{"key":"span.kind","type":"string","value":"server"},{"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"error","type":"bool","value":true}],"logs":[{"timestamp":6,"fields":[{"key":"event","type":"string","value":"e"}]}],"processID":"p1","warnings":null}],"processes":{"p1":{"serviceName":"shop","tags":[{"key":"pod","type":"string","value":"a"}]}},"warnings":null}"#]]
            .assert_eq(&trace(trace_id, std::iter::once(&span)).to_string());
    }
}
