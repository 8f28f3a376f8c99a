//! Scans over live data, segments, and both answer what the naive evaluator answers.

use super::fixture::{Fixture, key, newest};
use super::{generate, oracle};
use futures::StreamExt;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use throughline_model::{Signal, Span, Tenant, TraceId, Value};
use throughline_store::ErrorKind;
use throughline_store::scan::{
    AttributeScope, Budget, Columns, CompareOp, Field, Filter, Limit, Order, Predicate, ScanRequest,
    TimeRange,
};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

/// Spans with different keys: what is sent twice is another test's matter.
fn distinct(spans: Vec<Span>) -> Vec<Span> {
    let mut seen = BTreeSet::new();
    spans.into_iter().filter(|span| seen.insert((span.trace_id, span.span_id))).collect()
}

fn sorted<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<(std::cmp::Reverse<i64>, [u8; 16], [u8; 8])> {
    let mut keys: Vec<_> = spans.into_iter().map(key).collect();
    keys.sort_unstable();
    keys
}

/// The longest beginning of at most so many traces.
fn traces_prefix(rows: &[&Span], traces: usize) -> Vec<(std::cmp::Reverse<i64>, [u8; 16], [u8; 8])> {
    let mut seen = BTreeSet::new();
    rows.iter()
        .take_while(|span| {
            seen.insert(span.trace_id);
            seen.len() <= traces
        })
        .map(|span| key(span))
        .collect()
}

async fn check(spans: &[Span], at: (usize, usize), filters: &[Filter]) {
    let fixture = Fixture::new().await;
    let (first, rest) = spans.split_at(at.0.min(spans.len()));
    let (second, live) = rest.split_at(at.1.min(rest.len()));
    let stored: Vec<&[Span]> = [first, second].into_iter().filter(|spans| !spans.is_empty()).collect();
    fixture.fill(&stored, live).await;
    for filter in filters {
        let expected = oracle::newest(spans, filter, TimeRange::ALL, usize::MAX);
        let keys: Vec<_> = expected.iter().map(|span| key(span)).collect();
        let all = fixture.scan(newest(filter, Limit::None)).await.unwrap();
        assert_eq!(all.iter().map(key).collect::<Vec<_>>(), keys, "newest first {filter:?}");
        for (have, want) in all.iter().zip(&expected) {
            assert_eq!(format!("{:?}", sorted_attributes(have)), format!("{:?}", sorted_attributes(want)));
        }
        for limit in [0, 1, 3] {
            let some = fixture.scan(newest(filter, Limit::Rows(limit))).await.unwrap();
            assert_eq!(
                some.iter().map(key).collect::<Vec<_>>(),
                keys[..limit.min(keys.len())],
                "rows {limit} {filter:?}"
            );
            let some = fixture.scan(newest(filter, Limit::Traces(limit))).await.unwrap();
            assert_eq!(
                some.iter().map(key).collect::<Vec<_>>(),
                traces_prefix(&expected, limit),
                "traces {limit} {filter:?}"
            );
        }
        let time = TimeRange::new(104, 112);
        let unordered = ScanRequest { order: Order::Unordered, time, ..newest(filter, Limit::None) };
        let some = fixture.scan(unordered).await.unwrap();
        assert_eq!(
            sorted(&some),
            sorted(oracle::newest(spans, filter, time, usize::MAX)),
            "in time {filter:?}"
        );
        let in_time = ScanRequest { time, ..newest(filter, Limit::Rows(4)) };
        let some = fixture.scan(in_time).await.unwrap();
        let want: Vec<_> = oracle::newest(spans, filter, time, 4).into_iter().map(key).collect();
        assert_eq!(some.iter().map(key).collect::<Vec<_>>(), want, "newest in time {filter:?}");
    }
}

/// A span with its attributes in one order: columns first is how they come back.
fn sorted_attributes(span: &Span) -> Span {
    let mut span = span.clone();
    let sort = |attributes: &mut throughline_model::Attributes| attributes.sort_by(|a, b| a.0.cmp(&b.0));
    sort(&mut span.attributes);
    sort(&mut std::sync::Arc::make_mut(&mut span.resource).attributes);
    sort(&mut std::sync::Arc::make_mut(&mut span.scope).attributes);
    span
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn scans_answer_what_a_naive_evaluator_answers(
        spans in vec(generate::span(), 1..60),
        at in (0_usize..40, 0_usize..40),
        filters in vec(generate::filter(), 12),
    ) {
        block_on(check(&distinct(spans), at, &filters));
    }

    #[test]
    fn lookups_and_listings_answer_what_the_rows_say(
        spans in vec(generate::span(), 1..60),
        at in (0_usize..40, 0_usize..40),
        filter in prop_oneof![Just(Filter::All), generate::filter()],
        fields in vec(generate::field(), 8),
    ) {
        block_on(check_listings(&distinct(spans), at, &filter, &fields));
    }
}

async fn check_listings(spans: &[Span], at: (usize, usize), filter: &Filter, fields: &[Field]) {
    let fixture = Fixture::new().await;
    let (first, rest) = spans.split_at(at.0.min(spans.len()));
    let (second, live) = rest.split_at(at.1.min(rest.len()));
    let stored: Vec<&[Span]> = [first, second].into_iter().filter(|spans| !spans.is_empty()).collect();
    fixture.fill(&stored, live).await;
    let (store, tenant) = (&fixture.store, Tenant::default());

    let ids: Vec<TraceId> = (1..5).map(|n| TraceId::from_hex(&format!("{n}")).unwrap()).collect();
    let found = store.traces(&tenant, &ids, Columns::All, None).await.unwrap();
    let found: Vec<Span> =
        found.iter().flat_map(|batch| throughline_model::rows::spans(batch).unwrap()).collect();
    let wanted: Vec<&Span> = spans.iter().filter(|span| ids.contains(&span.trace_id)).collect();
    assert_eq!(sorted(&found), sorted(wanted.iter().copied()));

    let summaries = store.summaries(&tenant, &ids, None).await.unwrap();
    for summary in &summaries {
        let of_trace: Vec<&&Span> = wanted.iter().filter(|span| span.trace_id == summary.trace_id).collect();
        assert_eq!(summary.span_count as usize, of_trace.len());
        assert_eq!(
            summary.error_count as usize,
            of_trace.iter().filter(|span| span.status_code == 2).count()
        );
        assert_eq!(summary.start_ns, of_trace.iter().map(|span| span.start_ns).min().unwrap());
        assert_eq!(summary.end_ns, of_trace.iter().map(|span| span.end_ns()).max().unwrap());
        let root = of_trace.iter().filter(|span| span.parent_span_id.is_none());
        let root = root.map(|s| (s.start_ns, s.resource.service_name(), s.name.as_str())).min();
        if let Some((start, _, _)) = root {
            // Two roots that start together may come from one segment, which names one of them.
            let names: Vec<_> = of_trace
                .iter()
                .filter(|span| span.parent_span_id.is_none() && span.start_ns == start)
                .map(|span| (span.resource.service_name(), span.name.as_str()))
                .collect();
            assert!(names.contains(&(summary.root_service.as_str(), summary.root_name.as_str())));
        }
        let mut services: BTreeMap<&str, u64> = BTreeMap::new();
        of_trace.iter().for_each(|span| *services.entry(span.resource.service_name()).or_default() += 1);
        let counted = summary.services.iter().map(|count| (count.service.as_str(), count.spans)).collect();
        assert_eq!(services, counted);
    }

    let rows: Vec<&Span> = spans.iter().filter(|span| oracle::passes(filter, span)).collect();
    let keys =
        store.attribute_keys(&tenant, Signal::Traces, None, TimeRange::ALL, filter.clone(), usize::MAX);
    assert_eq!(keys.await.unwrap(), oracle::keys(&rows), "{filter:?}");
    let all = Predicate::new(filter).unwrap().is_all();
    for field in fields {
        let values =
            store.attribute_values(&tenant, Signal::Traces, field, TimeRange::ALL, filter.clone(), 100);
        let mut have: Vec<String> = values.await.unwrap().iter().map(|value| format!("{value:?}")).collect();
        have.sort();
        let over = all && matches!(field, Field::Attribute { scope: AttributeScope::Any, .. });
        let mut want = oracle::values(&rows, field);
        if over {
            // Whole dictionaries: a resource's value counts even where every span has its own.
            let Field::Attribute { key, .. } = field else { unreachable!() };
            want.extend(oracle::values(&rows, &Field::attribute(AttributeScope::Resource, key)));
            let most: Vec<String> = want.into_iter().collect();
            assert!(have.iter().all(|value| most.contains(value)), "{field:?}");
        } else {
            assert_eq!(have, want.into_iter().collect::<Vec<_>>(), "{field:?} {filter:?}");
        }
    }
}

#[test]
fn a_span_sent_twice_comes_once_newest_first_and_in_its_trace() {
    block_on(async {
        let span = Span { trace_id: TraceId([7; 16]), name: "twice".into(), start_ns: 5, ..Span::default() };
        let fixture = Fixture::new().await;
        fixture.fill(&[std::slice::from_ref(&span)], std::slice::from_ref(&span)).await;
        assert_eq!(fixture.scan(newest(&Filter::All, Limit::None)).await.unwrap().len(), 1);
        let found =
            fixture.store.traces(&Tenant::default(), &[span.trace_id], Columns::All, None).await.unwrap();
        assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    });
}

fn many(count: i64) -> Vec<Span> {
    let span = |n: i64| Span {
        trace_id: TraceId((n as u128 / 10 + 1).to_be_bytes()),
        span_id: throughline_model::SpanId((n as u64 + 1).to_be_bytes()),
        name: format!("op {}", n % 7),
        start_ns: n * 1_000,
        duration_ns: n % 100,
        status_code: i32::from(n % 50 == 0) * 2,
        attributes: vec![("n".into(), Value::Int(n))],
        ..Span::default()
    };
    (0..count).map(span).collect()
}

#[test]
fn going_over_the_budget_is_an_error_that_names_the_limit() {
    block_on(async {
        let fixture = Fixture::new().await;
        fixture.fill(&[&many(2_000)], &many(500)).await;
        let over = [
            ("rows_max", Budget { rows_max: Some(100), ..Budget::default() }),
            ("bytes_max", Budget { bytes_max: Some(100), ..Budget::default() }),
            ("deadline", Budget { deadline: Some(Duration::ZERO), ..Budget::default() }),
        ];
        for (name, budget) in over {
            for order in [Order::NewestFirst, Order::Unordered] {
                let filter = Filter::compare(Field::column("duration_ns"), CompareOp::Gt, 5);
                let error = fixture
                    .scan(ScanRequest { budget, order, ..newest(&filter, Limit::None) })
                    .await
                    .unwrap_err();
                assert_eq!((error.kind(), error.limit_name()), (ErrorKind::LimitExceeded, Some(name)));
            }
        }
    });
}

#[test]
fn dropping_the_stream_stops_the_scan() {
    block_on(async {
        let fixture = Fixture::new().await;
        fixture.fill(&[&many(30_000)], &[]).await;
        let handles: Vec<_> = (0..40)
            .map(|_| {
                let request = ScanRequest { order: Order::Unordered, ..newest(&Filter::All, Limit::None) };
                fixture.store.scan(request).unwrap()
            })
            .collect();
        let mut seen = Vec::new();
        for mut stream in handles {
            stream.next().await.unwrap().unwrap();
            seen.push(stream.stats_handle());
            drop(stream);
        }
        // More scans than run at once have come and gone, so each gave its place back.
        assert_eq!(fixture.scan(newest(&Filter::All, Limit::Rows(1))).await.unwrap().len(), 1);
        assert!(seen.iter().all(|handle| handle.stats().rows > 0));
    });
}

#[test]
fn a_refused_request_says_why() {
    block_on(async {
        let fixture = Fixture::new().await;
        let bad = [
            (newest(&Filter::Exists(Field::column("nothing")), Limit::None), "nothing"),
            (
                ScanRequest { order: Order::Unordered, ..newest(&Filter::All, Limit::Traces(1)) },
                "newest-first",
            ),
            (
                ScanRequest { time: TimeRange::new(2, 1), ..newest(&Filter::All, Limit::None) },
                "before it starts",
            ),
        ];
        for (request, said) in bad {
            let error = fixture.store.scan(request).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(said), "{error}");
        }
    });
}

#[test]
fn pages_and_row_groups_that_cannot_match_are_left_alone() {
    block_on(async {
        let spans = many(150_000);
        let fixture = Fixture::new().await;
        fixture.fill(&[&spans], &[]).await;
        let filters = [
            Filter::eq(Field::column("status_code"), 2).and(Filter::compare(
                Field::column("duration_ns"),
                CompareOp::Ge,
                50,
            )),
            Filter::In(Field::column("name"), vec!["op 3".into(), "op 4".into()]),
            Filter::compare(Field::column("name"), CompareOp::Regex, "^op [34]$"),
            Filter::compare(Field::attribute(AttributeScope::Span, "n"), CompareOp::Gt, 149_990),
            Filter::eq(Field::column("trace_id"), "3e8"),
            Filter::compare(Field::column("start_ns"), CompareOp::Lt, 3_000_000),
        ];
        for filter in &filters {
            for time in [TimeRange::ALL, TimeRange::new(70_000_000, 140_000_001)] {
                let request = ScanRequest { time, ..newest(filter, Limit::Rows(20)) };
                let (found, stats) = fixture.scan_with_stats(request).await.unwrap();
                let want: Vec<_> = oracle::newest(&spans, filter, time, 20).into_iter().map(key).collect();
                assert_eq!(stats.segments_damaged, 0, "{:?}", fixture.store.segments().damage());
                assert_eq!(found.iter().map(key).collect::<Vec<_>>(), want, "{filter:?}");
                assert!(stats.rows <= 75_000 || *filter == filters[3], "{stats:?} {filter:?}");
                let request = ScanRequest { time, order: Order::Unordered, ..newest(filter, Limit::None) };
                let found = fixture.scan(request).await.unwrap();
                assert_eq!(
                    sorted(&found),
                    sorted(oracle::newest(&spans, filter, time, usize::MAX)),
                    "{filter:?}"
                );
            }
        }
    });
}
