use std::sync::Arc;

use throughline_model::{Resource, Span, SpanId, TraceId, Value};

use super::Trace;

fn span(id: u8, parent: u8, start_ns: i64, duration_ns: i64) -> Span {
    let parent_span_id = (parent > 0).then_some(SpanId([0, 0, 0, 0, 0, 0, 0, parent]));
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([0, 0, 0, 0, 0, 0, 0, id]),
        parent_span_id,
        start_ns,
        duration_ns,
        ..Span::default()
    }
}

fn of_service(mut span: Span, service: &str, kind: i32) -> Span {
    let attributes = vec![("service.name".to_owned(), Value::from(service))];
    span.resource = Arc::new(Resource { attributes, ..Resource::default() });
    span.kind = kind;
    span
}

fn assemble(spans: Vec<Span>) -> Trace {
    Trace::assemble(TraceId([1; 16]), spans).unwrap()
}

fn order(trace: &Trace) -> Vec<(u8, u32)> {
    trace.spans.iter().zip(&trace.nodes).map(|(span, node)| (span.span_id.0[7], node.depth)).collect()
}

fn path(trace: &Trace) -> Vec<(u8, i64, i64)> {
    trace
        .critical_path()
        .iter()
        .map(|segment| (trace.spans[segment.span].span_id.0[7], segment.start_ns, segment.end_ns))
        .collect()
}

#[test]
fn spans_come_depth_first_with_children_by_start() {
    let trace = assemble(vec![span(4, 2, 30, 1), span(3, 1, 10, 5), span(2, 1, 20, 50), span(1, 0, 0, 100)]);
    assert_eq!(order(&trace), [(1, 0), (3, 1), (2, 1), (4, 2)]);
    let nested: Vec<_> = trace.nodes.iter().map(|node| (node.nested_left, node.nested_right)).collect();
    assert_eq!(nested, [(1, 8), (2, 3), (4, 7), (5, 6)]);
    assert_eq!(trace.nodes[0].descendants, 3);
    assert_eq!(trace.nodes[0].children, 2);
    assert_eq!((trace.start_ns, trace.end_ns), (0, 100));
}

#[test]
fn spans_whose_parent_is_missing_are_orphans_at_the_top() {
    let trace = assemble(vec![span(1, 0, 0, 10), span(3, 9, 5, 1), span(4, 3, 6, 1)]);
    assert_eq!(order(&trace), [(1, 0), (3, 0), (4, 1)]);
    let orphans: Vec<_> = trace.nodes.iter().map(|node| node.orphan).collect();
    assert_eq!(orphans, [false, true, false]);
    assert!(!trace.is_complete());
}

#[test]
fn cycles_are_cut_at_their_earliest_span() {
    let trace = assemble(vec![span(1, 3, 5, 1), span(2, 1, 3, 1), span(3, 2, 4, 1), span(7, 7, 9, 1)]);
    assert_eq!(order(&trace), [(2, 0), (3, 1), (1, 2), (7, 0)]);
    assert!(trace.nodes[0].orphan && trace.nodes[3].orphan);
    assert_eq!(trace.root(), None);
}

#[test]
fn duplicates_are_merged_into_the_one_that_says_most() {
    let mut fuller = span(1, 0, 0, 10);
    fuller.attributes.push(("k".to_owned(), Value::from("v")));
    for spans in [vec![fuller.clone(), span(1, 0, 0, 20)], vec![span(1, 0, 0, 20), fuller.clone()]] {
        let trace = assemble(spans);
        assert_eq!(trace.spans, [fuller.clone()]);
        assert_eq!(trace.duplicates, 1);
    }
}

#[test]
fn a_long_chain_does_not_exhaust_the_stack() {
    let chain = (1..100_000u64)
        .map(|id| {
            let mut span = span(0, 0, i64::try_from(id).unwrap(), 200_000);
            span.span_id = SpanId(id.to_be_bytes());
            span.parent_span_id = (id > 1).then(|| SpanId((id - 1).to_be_bytes()));
            span
        })
        .collect();
    let trace = assemble(chain);
    assert_eq!(trace.nodes.last().unwrap().depth, 99_998);
    assert!(!trace.critical_path().is_empty());
}

#[test]
fn a_child_that_starts_before_its_parent_elsewhere_has_a_skewed_clock() {
    let trace = assemble(vec![
        of_service(span(1, 0, 100, 50), "client", 3),
        of_service(span(2, 1, 90, 40), "server", 2),
        of_service(span(3, 1, 95, 10), "client", 1),
        of_service(span(4, 1, 120, 40), "server", 2),
    ]);
    let skews: Vec<_> =
        trace.spans.iter().zip(&trace.nodes).map(|(s, n)| (s.span_id.0[7], n.skew_ns)).collect();
    assert_eq!(skews, [(1, 0), (2, -10), (3, 0), (4, 10)]);
}

#[test]
fn the_critical_path_follows_the_last_to_finish() {
    let trace =
        assemble(vec![span(1, 0, 0, 100), span(2, 1, 10, 30), span(3, 1, 20, 60), span(4, 3, 30, 20)]);
    assert_eq!(path(&trace), [(1, 0, 20), (3, 20, 30), (4, 30, 50), (3, 50, 80), (1, 80, 100)]);
}

#[test]
fn the_critical_path_covers_the_root_without_gap_or_overlap() {
    let trace = assemble(vec![
        span(1, 0, 0, 100),
        span(2, 1, -5, 20),
        span(3, 1, 50, 500),
        span(4, 3, 60, 10),
        span(5, 1, 10, 30),
        span(6, 5, 12, 0),
    ]);
    let path = trace.critical_path();
    assert_eq!((path[0].start_ns, path.last().unwrap().end_ns), (0, 100));
    assert!(path.windows(2).all(|pair| pair[0].end_ns == pair[1].start_ns));
}

#[test]
fn a_summary_counts_services_and_names_the_root() {
    let mut failed = of_service(span(2, 1, 5, 5), "db", 3);
    failed.status_code = 2;
    let mut root = of_service(span(1, 0, 0, 100), "api", 2);
    root.name = "GET /".to_owned();
    let summary = assemble(vec![failed, root, of_service(span(3, 1, 6, 1), "api", 1)]).summary();
    assert_eq!((summary.root_service.as_str(), summary.root_name.as_str()), ("api", "GET /"));
    assert_eq!((summary.span_count, summary.error_count, summary.end_ns), (3, 1, 100));
    let services: Vec<_> = summary.services.iter().map(|s| (s.service.as_str(), s.spans, s.errors)).collect();
    assert_eq!(services, [("api", 2, 0), ("db", 1, 1)]);
}
