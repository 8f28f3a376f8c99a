//! Logs and metrics are scanned as spans are; damage and other tenants do not show in answers.

use super::fixture::{Fixture, newest};
use std::sync::Arc;
use throughline_model::{
    LogBatchBuilder, LogRecord, MetricBatchBuilder, MetricPoint, Number, PointData, Resource, Signal, Span,
    SpanId, Tenant, TraceId, Value, rows,
};
use throughline_store::scan::{
    AttributeScope, CompareOp, Field, Filter, Limit, Order, ScanRequest, TimeRange,
};

fn resource(service: &str) -> Arc<Resource> {
    Arc::new(Resource { attributes: vec![("service.name".into(), service.into())], ..Resource::default() })
}

fn record(n: i64) -> LogRecord {
    LogRecord {
        time_ns: n,
        severity_number: if n % 10 == 0 { 17 } else { 9 },
        body: Some(if n % 4 == 0 { Value::Int(n) } else { format!("connection {n} refused").into() }),
        trace_id: (n % 3 == 0).then_some(TraceId([9; 16])),
        attributes: vec![("n".into(), n.into())],
        resource: resource(if n % 2 == 0 { "shop" } else { "cart" }),
        ..LogRecord::default()
    }
}

async fn logs() -> Fixture {
    let fixture = Fixture::new().await;
    for part in [0..60, 60..100] {
        let mut builder = LogBatchBuilder::new();
        part.clone().for_each(|n| builder.push(&record(n)).unwrap());
        fixture.append_batch(Signal::Logs, builder.finish().unwrap()).await;
        if part.start == 0 {
            fixture.store.flush().await.unwrap();
        }
    }
    fixture
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn logs_come_newest_first_by_service_severity_text_and_trace() {
    let fixture = logs().await;
    let service = Filter::eq(Field::attribute(AttributeScope::Resource, "service.name"), "shop");
    let severe = Filter::compare(Field::column("severity_number"), CompareOp::Ge, 17);
    let text = Filter::compare(Field::column("body"), CompareOp::Contains, "5 refused");
    let traced = Filter::eq(Field::column("trace_id"), "09".repeat(16));
    type Keeps = fn(i64) -> bool;
    let cases: [(Filter, Keeps); 4] = [
        (service.clone().and(severe), |n| n % 10 == 0),
        (text, |n| n % 10 == 5),
        (traced.clone(), |n| n % 3 == 0),
        (service.and(traced), |n| n % 6 == 0),
    ];
    for (filter, keeps) in cases {
        let request = ScanRequest { table: Signal::Logs, ..newest(&filter, Limit::Rows(7)) };
        let (batches, stats) = fixture.batches_with_stats(request).await;
        assert_eq!(stats.segments_damaged, 0, "{:?}", fixture.store.segments().damage());
        let times: Vec<i64> =
            batches.iter().flat_map(|b| rows::logs(b).unwrap()).map(|log| log.time_ns).collect();
        let want: Vec<i64> = (0..100).rev().filter(|n| keeps(*n)).take(7).collect();
        assert_eq!(times, want, "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn metric_points_are_found_by_name_and_by_their_attributes() {
    let fixture = Fixture::new().await;
    for part in [0..30, 30..40] {
        let mut builder = MetricBatchBuilder::new();
        for n in part.clone() {
            let point = MetricPoint {
                name: format!("metric.{}", n % 3),
                time_ns: n,
                attributes: vec![("host".into(), format!("h{}", n % 2).into())],
                data: PointData::Gauge(Some(Number::Int(n))),
                resource: resource("shop"),
                ..MetricPoint::default()
            };
            builder.push(&point).unwrap();
        }
        fixture.append_batch(Signal::Metrics, builder.finish().unwrap()).await;
        if part.start == 0 {
            fixture.store.flush().await.unwrap();
        }
    }
    let host = Field::attribute(AttributeScope::Any, "host");
    let filter = Filter::eq(Field::column("name"), "metric.1").and(Filter::eq(host.clone(), "h1"));
    for order in [Order::NewestFirst, Order::Unordered] {
        let request = ScanRequest { table: Signal::Metrics, order, ..newest(&filter, Limit::None) };
        let batches = fixture.batches(request).await;
        let mut times: Vec<i64> =
            batches.iter().flat_map(|b| rows::points(b).unwrap()).map(|p| p.time_ns).collect();
        times.sort_unstable();
        assert_eq!(times, [1, 7, 13, 19, 25, 31, 37]);
    }
    let tenant = Tenant::default();
    let all = || (TimeRange::ALL, Filter::All, 10);
    let (time, filter, limit) = all();
    let values =
        fixture.store.attribute_values(&tenant, Signal::Metrics, &host, time, filter, limit).await.unwrap();
    assert_eq!(values, [Value::from("h0"), Value::from("h1")]);
    let (time, filter, limit) = all();
    let name = Field::column("name");
    let values =
        fixture.store.attribute_values(&tenant, Signal::Metrics, &name, time, filter, limit).await.unwrap();
    assert_eq!(values, ["metric.0", "metric.1", "metric.2"].map(Value::from));
    let (time, filter, limit) = all();
    let keys =
        fixture.store.attribute_keys(&tenant, Signal::Metrics, None, time, filter, limit).await.unwrap();
    assert_eq!(
        keys,
        [(AttributeScope::Span, "host".into()), (AttributeScope::Resource, "service.name".into())]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tenant_sees_nothing_of_another() {
    let fixture = Fixture::new().await;
    let span = Span { trace_id: TraceId([7; 16]), span_id: SpanId([1; 8]), ..Span::default() };
    fixture.fill(&[std::slice::from_ref(&span)], std::slice::from_ref(&span)).await;
    let tenant = Tenant::new("other").unwrap();
    let request = ScanRequest { tenant: tenant.clone(), ..newest(&Filter::All, Limit::None) };
    assert!(fixture.scan(request).await.unwrap().is_empty());
    let columns = throughline_store::scan::Columns::All;
    assert!(fixture.store.traces(&tenant, &[span.trace_id], columns, None).await.unwrap().is_empty());
    assert!(fixture.store.summaries(&tenant, &[span.trace_id], None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_damaged_segment_is_left_out_and_the_answer_says_so() {
    let fixture = Fixture::new().await;
    let span = |n: u8| Span { trace_id: TraceId([n; 16]), start_ns: n.into(), ..Span::default() };
    fixture.fill(&[&[span(1)], &[span(2)]], &[span(3)]).await;
    let newest_file =
        fixture.store.segments().catalog().snapshot().table(Signal::Traces, &Tenant::default())[0].clone();
    let path = fixture.store.segments().data_dir().join(&newest_file.path);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let (spans, stats) = fixture.scan_with_stats(newest(&Filter::All, Limit::None)).await.unwrap();
    assert_eq!(spans.iter().map(|span| span.start_ns).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(stats.segments_damaged, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn traces_are_found_without_their_sidecar() {
    let fixture = Fixture::new().await;
    let span = |n: u8| Span {
        trace_id: TraceId([n % 4 + 1; 16]),
        span_id: SpanId([n + 1; 8]),
        start_ns: n.into(),
        name: "work".into(),
        ..Span::default()
    };
    fixture.fill(&[&(0..40).map(span).collect::<Vec<_>>()], &[]).await;
    let store = &fixture.store;
    let file = store.segments().catalog().snapshot().table(Signal::Traces, &Tenant::default())[0].clone();
    std::fs::remove_file(store.segments().data_dir().join(file.sidecar_path().unwrap())).unwrap();
    let (tenant, id) = (Tenant::default(), TraceId([2; 16]));
    let found = store.traces(&tenant, &[id], throughline_store::scan::Columns::All, None).await.unwrap();
    assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 10);
    let summaries = store.summaries(&tenant, &[id], None).await.unwrap();
    assert_eq!((summaries[0].span_count, summaries[0].root_name.as_str()), (10, "work"));
    let filter = Filter::eq(Field::column("trace_id"), id.to_string());
    let spans = fixture.scan(newest(&filter, Limit::Rows(3))).await.unwrap();
    assert_eq!(spans.iter().map(|span| span.start_ns).collect::<Vec<_>>(), [37, 33, 29]);
}
