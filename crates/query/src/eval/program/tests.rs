use throughline_lang::traceql::compile;
use throughline_model::{Span, Value};

use super::Program;
use crate::samples::{span_id, trace_id};
use crate::trace::Trace;

/// Spans named by their ids, as `id(parent)`: 1, 2(1), 3(1), 4(2), 5(4), 6(9): the last an orphan.
fn trace() -> Trace {
    let spans = [(1, 0), (2, 1), (3, 1), (4, 2), (5, 4), (6, 9)].map(|(id, parent): (u8, u8)| Span {
        trace_id: trace_id(1),
        span_id: span_id(id),
        parent_span_id: (parent > 0).then(|| span_id(parent)),
        name: id.to_string(),
        start_ns: i64::from(id),
        duration_ns: i64::from(id) * 10,
        attributes: vec![
            ("odd".to_owned(), Value::Bool(id % 2 == 1)),
            ("id".to_owned(), Value::Int(id.into())),
        ],
        ..Span::default()
    });
    Trace::assemble(trace_id(1), spans.to_vec()).unwrap()
}

/// The names in each spanset, and what was computed for it.
fn run(query: &str) -> Vec<String> {
    let query = compile(query).unwrap();
    let trace = trace();
    let spansets = Program::of(&query).unwrap().run(&trace);
    spansets
        .iter()
        .map(|spanset| {
            let mut names: Vec<&str> =
                spanset.spans.iter().map(|span| trace.spans[*span].name.as_str()).collect();
            names.sort_unstable();
            let computed: Vec<String> =
                spanset.attributes.iter().map(|(name, value)| format!(" {name}={}", value.text())).collect();
            names.concat() + &computed.concat()
        })
        .collect()
}

#[track_caller]
fn check(query: &str, expected: &[&str]) {
    assert_eq!(run(query), expected, "{query}");
}

#[test]
fn filters_keep_the_spans_of_a_trace() {
    check("{ .id > 3 }", &["456"]);
    check("{ .id > 9 }", &[]);
    check("{ .id > 2 } | { .odd }", &["35"]);
    check("{ .id = 1 } && { .id = 5 }", &["15"]);
    check("{ .id = 1 } && { .id = 9 }", &[]);
    check("{ .id = 1 } || { .id = 9 }", &["1"]);
}

#[test]
fn structural_operators_follow_the_tree() {
    check("{ .id = 1 } > { true }", &["23"]);
    check("{ .id = 1 } >> { true }", &["2345"]);
    check("{ .id = 5 } < { true }", &["4"]);
    check("{ .id = 5 } << { true }", &["124"]);
    check("{ .id = 2 } ~ { true }", &["3"]);
    check("{ .id > 1 } ~ { .id < 4 }", &["23"]);
    check("{ .id = 9 } >> { true }", &[]);
}

#[test]
fn negated_operators_keep_what_is_not_related() {
    check("{ .id = 1 } !> { true }", &["1456"]);
    check("{ .id = 1 } !>> { true }", &["16"]);
    check("{ .id = 5 } !< { true }", &["12356"]);
    check("{ .id = 5 } !<< { true }", &["356"]);
    check("{ .id = 2 } !~ { true }", &["12456"]);
    check("{ .id = 9 } !> { .odd }", &["135"]);
}

#[test]
fn union_operators_keep_both_sides() {
    check("{ .id = 1 } &> { .id = 3 }", &["13"]);
    check("{ .odd } &>> { !.odd }", &["124"]);
    check("{ .id = 5 } &< { true }", &["45"]);
    check("{ .id = 5 } &<< { .id < 3 }", &["125"]);
    check("{ .id = 2 } &~ { true }", &["23"]);
    check("{ .id = 9 } &> { true }", &[]);
}

#[test]
fn aggregates_keep_spansets() {
    check("{ true } | count() > 5", &["123456 count()=6"]);
    check("{ true } | count() > 6", &[]);
    check("{ .odd } | avg(.id) = 3", &["135 avg(.id)=3.0"]);
    check("{ true } | max(duration) >= 60ns", &["123456 max(duration)=60ns"]);
    check("{ true } | min(.id) < 2 | sum(.id) = 21", &["123456 min(.id)=1 sum(.id)=21"]);
    check("{ true } | sum(.missing) = 0", &[]);
}

#[test]
fn grouping_splits_and_coalescing_joins() {
    check("{ .id < 5 } | by(.odd)", &["13 by(.odd)=true", "24 by(.odd)=false"]);
    check("{ true } | by(.odd) | count() > 2 | { .id = 1 }", &["1 by(.odd)=true count()=3"]);
    check("{ true } | by(.missing)", &["123456"]);
    check("{ true } | by(.id) | coalesce()", &["123456"]);
}

#[test]
fn pipelines_join_like_spansets() {
    check("({ .odd } | count() > 2) && ({ .id = 2 } | count() = 1)", &["1235"]);
    check("({ .odd } | count() > 3) && ({ .id = 2 } | count() = 1)", &[]);
    check("({ .id = 1 } | count() = 1) >> ({ !.odd } | count() > 1)", &["24"]);
}

#[test]
fn what_cannot_be_run_is_named_with_its_place() {
    for (query, place) in [("{ true } | rate()", 11), ("2 * ({ true } | count_over_time())", 16)] {
        let error = Program::of(&compile(query).unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.position()), (crate::ErrorKind::Unsupported, Some(place)));
    }
}
