//! Export requests, made with the generated types.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use throughline_model::Signal;

/// A request in both encodings.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) signal: Signal,
    pub(crate) protobuf: Vec<u8>,
    pub(crate) json: Vec<u8>,
}

impl Request {
    fn new(signal: Signal, message: &(impl Message + serde::Serialize)) -> Self {
        Self { signal, protobuf: message.encode_to_vec(), json: serde_json::to_vec(message).unwrap() }
    }
}

pub(crate) fn empty(signal: Signal) -> Request {
    Request { signal, protobuf: Vec::new(), json: b"{}".to_vec() }
}

/// Not an export request in either encoding.
pub(crate) fn malformed() -> Request {
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}"#;
    Request { signal: Signal::Traces, protobuf: vec![0x0a, 0xff, 0x01, 0x00], json: json.to_vec() }
}

/// Spans with ids; those with an empty trace id are to be rejected.
fn spans_of(trace_ids: impl IntoIterator<Item = Vec<u8>>, note: &str) -> Request {
    let spans = trace_ids.into_iter().enumerate().map(|(i, trace_id)| Span {
        trace_id,
        span_id: (i as u64 + 1).to_be_bytes().to_vec(),
        name: format!("op-{i}"),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_000_000_500,
        attributes: vec![attribute("note", note)],
        ..Span::default()
    });
    let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
    let resource = Some(resource());
    let message = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }],
    };
    Request::new(Signal::Traces, &message)
}

pub(crate) fn spans(count: usize) -> Request {
    spans_of((0..count).map(|_| vec![7; 16]), "n")
}

/// Spans of about so many bytes.
pub(crate) fn spans_of_size(bytes: usize) -> Request {
    spans_of([vec![7; 16]], &"x".repeat(bytes))
}

pub(crate) fn spans_of_which_one_is_bad(good: usize) -> Request {
    spans_of((0..=good).map(|i| if i == 0 { Vec::new() } else { vec![7; 16] }), "n")
}

/// One item of a signal.
pub(crate) fn one(signal: Signal) -> Request {
    match signal {
        Signal::Traces => spans(1),
        Signal::Logs => {
            let body = Some(text("hello"));
            let log_records = vec![LogRecord { time_unix_nano: 1, body, ..LogRecord::default() }];
            let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
            let resource_logs =
                vec![ResourceLogs { resource: Some(resource()), scope_logs, ..ResourceLogs::default() }];
            Request::new(signal, &ExportLogsServiceRequest { resource_logs })
        }
        Signal::Metrics => {
            let value = Some(number_data_point::Value::AsInt(4));
            let data_points =
                vec![NumberDataPoint { time_unix_nano: 1, value, ..NumberDataPoint::default() }];
            let data = Some(metric::Data::Gauge(Gauge { data_points }));
            let metrics = vec![Metric { name: "queue".into(), data, ..Metric::default() }];
            let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
            let resource_metrics = vec![ResourceMetrics {
                resource: Some(resource()),
                scope_metrics,
                ..ResourceMetrics::default()
            }];
            Request::new(signal, &ExportMetricsServiceRequest { resource_metrics })
        }
    }
}

fn resource() -> Resource {
    Resource { attributes: vec![attribute("service.name", "shop")], ..Resource::default() }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.into(), value: Some(text(value)), ..KeyValue::default() }
}

fn text(value: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(value.into())) }
}
