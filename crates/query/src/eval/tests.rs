use std::sync::Arc;

use throughline_lang::traceql::{SpansetExpr, compile};
use throughline_model::{Event, Link, Resource, Scope, Span, SpanId, TraceId, Value};

use super::Predicate;
use crate::trace::Trace;

fn text(key: &str, value: &str) -> (String, Value) {
    (key.to_owned(), Value::from(value))
}

fn event(name: &str, attributes: Vec<(String, Value)>) -> Event {
    Event { time_ns: 1_500, name: name.to_owned(), attributes, dropped_attributes_count: 0 }
}

/// A server span of `api` with a child of `db`; conditions are tried on the server span.
fn trace() -> Trace {
    let resource = |service: &str| {
        let attributes = vec![text("service.name", service), text("both", "resource")];
        Arc::new(Resource { attributes, ..Resource::default() })
    };
    let server = Span {
        trace_id: TraceId([0xab; 16]),
        span_id: SpanId([1; 8]),
        name: "GET /users".to_owned(),
        kind: 2,
        start_ns: 1_000,
        duration_ns: 2_000_000,
        status_code: 2,
        attributes: vec![
            text("http.method", "GET"),
            text("both", "span"),
            ("code".to_owned(), Value::Int(503)),
            ("ratio".to_owned(), Value::Double(0.5)),
            ("flag".to_owned(), Value::Bool(true)),
            ("tags".to_owned(), Value::Array(vec![Value::from("x"), Value::from("y")])),
            ("null".to_owned(), Value::Null),
        ],
        events: vec![
            event("exception", vec![text("type", "Timeout")]),
            event("retry", vec![text("type", "Refused")]),
        ],
        links: vec![Link { trace_id: TraceId([2; 16]), span_id: SpanId([3; 8]), ..Link::default() }],
        resource: resource("api"),
        scope: Arc::new(Scope { name: "lib".to_owned(), ..Scope::default() }),
        ..Span::default()
    };
    let child = Span {
        span_id: SpanId([2; 8]),
        parent_span_id: Some(SpanId([1; 8])),
        name: "SELECT".to_owned(),
        start_ns: 1_200,
        status_code: 0,
        kind: 3,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        resource: resource("db"),
        ..server.clone()
    };
    Trace::assemble(TraceId([0xab; 16]), vec![child, server]).unwrap()
}

fn holds(condition: &str) -> bool {
    let query = compile(&format!("{{ {condition} }}")).unwrap();
    let Some(SpansetExpr::Filter(filter)) = query.as_spanset() else { panic!("{condition}") };
    Predicate::of(&filter.predicate).unwrap().holds(&trace(), 0)
}

#[track_caller]
fn check(yes: &[&str], no: &[&str]) {
    for condition in yes {
        assert!(holds(condition), "{condition} should hold");
    }
    for condition in no {
        assert!(!holds(condition), "{condition} should not hold");
    }
}

#[test]
fn a_comparison_with_a_missing_field_or_another_type_is_false() {
    check(
        &["!(.missing = 1)", "!(.missing != 1)", ".missing = nil", ".null != nil"],
        &[
            ".missing = 1",
            ".missing != 1",
            ".missing !~ \"x\"",
            ".code = \"503\"",
            ".code != \"503\"",
            ".null = 1",
            ".null != 1",
            "!.missing",
            ".missing",
            ".missing != nil",
            "!.code",
        ],
    );
}

#[test]
fn numbers_compare_whatever_their_type() {
    check(
        &[
            ".code = 503.0",
            ".code > 502.5",
            ".ratio < 1",
            "duration = 2000000",
            "duration = 2ms",
            "duration >= 1.5ms",
            ".code + 1 = 504",
            "-.ratio = -0.5",
            "duration / 2 = 1ms",
            ".code ^ 2 > 250000",
            ".code % 10 = 3",
            "2 * .ratio = 1",
        ],
        &[".code = 503.5", ".code / 0 = 0", ".code / 0 != 0", "duration > 2ms"],
    );
}

#[test]
fn an_unscoped_attribute_is_the_spans_else_the_resources() {
    check(
        &[
            ".both = \"span\"",
            "resource.both = \"resource\"",
            ".service.name = \"api\"",
            "span.both != resource.both",
        ],
        &["span.service.name = \"api\"", ".both = \"resource\""],
    );
}

#[test]
fn patterns_match_the_whole_text() {
    check(&["name =~ \"GET .*\"", "name !~ \"GET\"", ".tags =~ \"[xz]\""], &["name =~ \"GET\""]);
}

#[test]
fn arrays_compare_element_by_element() {
    check(
        &[".tags = \"x\"", ".tags = \"y\"", ".tags != \"z\"", ".tags !~ \"z.*\""],
        &[".tags = \"z\"", ".tags != \"x\"", ".tags !~ \"x\"", ".tags != 1"],
    );
}

#[test]
fn conditions_on_events_bind_to_one_event() {
    check(
        &[
            "event:name = \"exception\" && event.type = \"Timeout\"",
            "event:name = \"retry\" && (event.type = \"Timeout\" || event.type = \"Refused\")",
            "!(event:name = \"none\")",
            "event:timeSinceStart = 500ns",
            "event.other = nil",
        ],
        &[
            "event:name = \"exception\" && event.type = \"Refused\"",
            "!(event:name = \"retry\")",
            "event.type = nil",
        ],
    );
}

#[test]
fn status_and_kind_are_keywords() {
    check(
        &["status = error", "status != ok", "kind = server", "kind != client"],
        &["status = unset", "kind = internal", ".code = error", ".code != error"],
    );
}

#[test]
fn ids_compare_in_any_width_and_case() {
    check(
        &[
            "trace:id = \"ABABABABABABABABABABABABABABABAB\"",
            "span:id = \"101010101010101\"",
            "link:spanID = \"0303030303030303\"",
            "span:id != \"2\"",
            "span:id != \"no id\"",
            "trace:id =~ \"(ab)+\"",
        ],
        &["span:id = \"\"", "span:parentID != \"1\"", "span:parentID = \"1\""],
    );
}

#[test]
fn fields_of_the_trace_come_from_the_whole_trace() {
    check(
        &[
            "rootName = \"GET /users\"",
            "rootServiceName = \"api\"",
            "traceDuration >= 2ms",
            "span:childCount = 1",
            "nestedSetParent < 0",
            "nestedSetLeft = 1",
            "nestedSetRight = 4",
        ],
        &["rootServiceName = \"db\"", "span:childCount = 0"],
    );
}

#[test]
fn scope_name_is_missing_where_it_is_empty() {
    check(
        &["instrumentation:name = \"lib\"", "!(instrumentation:version != nil)"],
        &["instrumentation:version = \"\"", "instrumentation:version != \"1\""],
    );
}

#[test]
fn booleans_are_conditions() {
    check(&[".flag", ".flag = true", "!(!.flag)", ".flag && true", ".missing || .flag"], &["!.flag"]);
}
