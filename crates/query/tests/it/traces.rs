//! Whole traces, links followed back, limits and cancellation.

use std::time::Duration;

use throughline_model::{Link, Span, Tenant};
use throughline_query::{Engine, ErrorKind, Limits, SearchRequest, TimeRange};

use crate::stores::{ALL, TestStore, span, span_id, trace_id};

fn request(query: &str, limit: usize) -> SearchRequest {
    SearchRequest { tenant: Tenant::default(), query: query.into(), time: ALL, limit, spans_per_spanset: 3 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_trace_comes_whole_from_live_data_and_segments() {
    let store = TestStore::open().await;
    store.spans(&[span("api", 1, 1, 0, 100), span("api", 2, 1, 0, 100)]).await;
    store.store.flush().await.unwrap();
    // Sent again, as exporters do after a timeout.
    store.spans(&[span("db", 1, 2, 1, 105), span("api", 1, 1, 0, 100)]).await;

    let engine = store.engine();
    let trace = engine.trace(&Tenant::default(), trace_id(1), None).await.unwrap().unwrap();
    let ids: Vec<_> = trace.spans.iter().map(|span| span.span_id).collect();
    assert_eq!(ids, [span_id(1), span_id(2)]);
    assert_eq!(trace.nodes[1].parent, Some(0));
    assert!(engine.trace(&Tenant::default(), trace_id(9), None).await.unwrap().is_none());
    let other = Tenant::new("other").unwrap();
    assert!(engine.trace(&other, trace_id(1), None).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn links_are_followed_back() {
    let store = TestStore::open().await;
    let mut consumer = span("worker", 2, 5, 0, 200);
    consumer.links = vec![
        Link { trace_id: trace_id(1), span_id: span_id(1), ..Link::default() },
        Link { trace_id: trace_id(3), span_id: span_id(1), ..Link::default() },
    ];
    store.spans(&[span("api", 1, 1, 0, 100), consumer]).await;
    let found = store.engine().linked_from(&Tenant::default(), trace_id(1), ALL, 10).await.unwrap();
    let links: Vec<_> =
        found.links.iter().map(|link| (link.trace_id, link.span_id, link.target_span_id)).collect();
    assert_eq!(links, [(trace_id(2), span_id(5), span_id(1))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_search_says_how_many_spans_matched_and_returns_the_first() {
    let store = TestStore::open().await;
    let spans: Vec<Span> = (1..=10u64)
        .map(|id| span("api", 1, id, u64::from(id > 1), 100 - i64::try_from(id).unwrap()))
        .collect();
    store.spans(&spans).await;
    let result = store.engine().search(request("{ resource.service.name = \"api\" }", 5)).await.unwrap();
    let [found] = result.traces.as_slice() else { panic!("{result:?}") };
    assert_eq!(found.matched(), 10);
    let starts: Vec<_> = found.spans().map(|span| span.start_ns).collect();
    assert_eq!(starts, [90, 91, 92]);
    assert_eq!(found.spansets[0].spans[0].fields[0].name(), "service.name");
    assert_eq!((found.summary.span_count, found.summary.root_service.as_str()), (10, "api"));
    assert!(result.complete && result.stats.inspected_rows > 0 && result.stats.inspected_traces == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn only_spans_in_the_time_range_count() {
    let store = TestStore::open().await;
    store.spans(&[span("api", 1, 1, 0, 100), span("api", 1, 2, 1, 200)]).await;
    let mut late = request("{ rootServiceName = \"api\" }", 5);
    late.time = TimeRange::new(150, 300);
    let result = store.engine().search(late).await.unwrap();
    assert_eq!(result.traces[0].matched(), 1);
    assert_eq!(result.traces[0].summary.span_count, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_query_over_its_limits_says_that_it_is_not_complete() {
    let store = TestStore::open().await;
    let spans: Vec<Span> = (1..=2_000u64).map(|id| span("api", id, 1, 0, 100)).collect();
    store.spans(&spans).await;
    let limited = |limits: Limits| Engine::new(store.store.clone(), limits);
    let rows = limited(Limits { rows_max: Some(10), ..Limits::default() });
    assert!(!rows.search(request("{ name = \"none\" }", 5)).await.unwrap().complete);
    assert!(!rows.services(&Tenant::default(), ALL).await.unwrap().complete);
    let candidates = limited(Limits { candidates_max: 100, ..Limits::default() });
    let result = candidates.search(request("{ span:childCount > 5 }", 5)).await.unwrap();
    assert!(!result.complete && result.traces.is_empty());
    let time = limited(Limits { deadline: Duration::ZERO, ..Limits::default() });
    assert!(!time.search(request("{ }", 5)).await.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_spans_of_one_moment_are_still_found_in_order() {
    let store = TestStore::open().await;
    let mut spans: Vec<Span> = (1..=500u64).map(|id| span("api", id, 1, 0, 100)).collect();
    // The only ones that match come last in the order of ids.
    spans.extend((501..=503u64).flat_map(|id| [span("api", id, 1, 0, 100), span("api", id, 2, 1, 100)]));
    store.spans(&spans).await;
    let result = store.engine().search(request("{ span:childCount = 1 }", 2)).await.unwrap();
    let ids: Vec<_> = result.traces.iter().map(|found| found.summary.trace_id).collect();
    assert_eq!(ids, [trace_id(501), trace_id(502)]);
    assert!(result.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn limits_of_a_request_are_checked() {
    let store = TestStore::open().await;
    for (limit, spans) in [(0, 3), (1_000_000, 3), (5, 0)] {
        let mut request = request("{ }", limit);
        request.spans_per_spanset = spans;
        let error = store.engine().search(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn traces_come_in_the_order_asked_for() {
    let store = TestStore::open().await;
    store.spans(&[span("api", 1, 1, 0, 100), span("api", 2, 1, 0, 50)]).await;
    let ids = [trace_id(2), trace_id(9), trace_id(1)];
    let traces = store.engine().traces(&Tenant::default(), &ids, None).await.unwrap();
    let found: Vec<_> = traces.iter().map(|trace| trace.trace_id).collect();
    assert_eq!(found, [trace_id(2), trace_id(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn faults_are_placed_in_characters() {
    let store = TestStore::open().await;
    for (query, place) in [("{ name = \"äöü\" && name > 5 }", 23), ("{ name = \"äöü\" } | rate()", 19)]
    {
        let error = store.engine().search(request(query, 5)).await.unwrap_err();
        assert_eq!(error.position(), Some(place), "{error}");
    }
}
