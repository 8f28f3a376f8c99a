use std::sync::Arc;

use super::*;
use crate::rows::{Event, Span, spans};
use crate::{Resource, SpanBatchBuilder, SpanId, TraceId, Value};

fn span(n: u8, service: &str, attributes: &[(&str, Value)]) -> Span {
    Span {
        trace_id: TraceId([n; 16]),
        span_id: SpanId([n; 8]),
        name: format!("op {n}"),
        start_ns: i64::from(n) * 1000,
        duration_ns: 5,
        attributes: attributes.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        resource: Arc::new(Resource {
            attributes: vec![("service.name".into(), service.into())],
            ..Resource::default()
        }),
        ..Span::default()
    }
}

fn batch(spans: &[Span]) -> RecordBatch {
    let mut builder = SpanBatchBuilder::new();
    spans.iter().for_each(|span| builder.push(span).unwrap());
    builder.finish().unwrap()
}

fn sorted(mut span: Span) -> Span {
    span.attributes.sort_by(|a, b| a.0.cmp(&b.0));
    span
}

#[test]
fn rows_come_back_equal_when_columns_and_types_differ() {
    let mut with_event = span(1, "a", &[("http.route", "/x".into()), ("n", Value::Int(1))]);
    with_event.events = vec![Event {
        time_ns: 3,
        name: "e".into(),
        attributes: vec![("k".into(), Value::Bool(true))],
        ..Event::default()
    }];
    let all = [
        with_event,
        span(2, "b", &[("n", Value::Double(2.5)), ("rare", Value::Array(vec![Value::Int(1)]))]),
        span(3, "a", &[("n", Value::Int(3))]),
        span(4, "c", &[]),
    ];
    let batches: Vec<RecordBatch> = all.chunks(1).map(batch).collect();
    for policy in [
        ColumnPolicy::KEEP_ALL,
        ColumnPolicy { share_min: 0.5, columns_max: 1 },
        ColumnPolicy { share_min: 0.0, columns_max: 0 },
    ] {
        let merged = concat(Signal::Traces, &batches, policy).unwrap();
        let back: Vec<Span> = spans(&merged).unwrap().into_iter().map(sorted).collect();
        let want: Vec<Span> = all.iter().cloned().map(sorted).collect();
        assert_eq!(back, want, "{policy:?}");
    }
}

#[test]
fn the_most_frequent_type_wins_the_column() {
    let batches = [
        batch(&[span(1, "a", &[("n", Value::Double(1.0))])]),
        batch(&[span(2, "a", &[("n", Value::Int(1))]), span(3, "a", &[("n", Value::Int(2))])]),
    ];
    let merged = concat(Signal::Traces, &batches, ColumnPolicy::KEEP_ALL).unwrap();
    assert_eq!(merged.column_by_name("a.n").unwrap().data_type(), &DataType::Int64);
    assert_eq!(spans(&merged).unwrap()[0].attributes, [("n".to_owned(), Value::Double(1.0))]);
}

#[test]
fn no_batches_make_an_empty_one() {
    let merged = concat(Signal::Logs, &[], ColumnPolicy::SEGMENT).unwrap();
    assert_eq!(merged.num_rows(), 0);
}
