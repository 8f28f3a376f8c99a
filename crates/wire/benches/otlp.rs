//! Cost of decoding and encoding a span, against the generated types, in CPU time where the
//! system tells it (Linux), so that a busy machine does not count.
//!
//! The request: 500 spans of nine services with about eleven attributes each, some events and
//! links, as SDKs send them. Divide criterion's time by 500.

#![allow(missing_docs, clippy::unwrap_used, reason = "bench")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use throughline_model::Signal;
use throughline_wire::otlp::{self, Encoding};

const SPANS: usize = 500;

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

fn span(n: usize) -> Span {
    let n64 = n as u64;
    let mut id = n64.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec();
    let trace_id =
        [(n64 / 17 + 1).wrapping_mul(0xd134_2543_de82_ef95).to_be_bytes(), n64.to_be_bytes()].concat();
    id[0] |= 1;
    let attributes = match n % 3 {
        0 => vec![
            text("http.request.method", "GET"),
            text("http.route", "/api/orders/{id}"),
            text("url.path", format!("/api/orders/{n}")),
            text("url.scheme", "https"),
            int("http.response.status_code", 200),
            text("server.address", "orders.shop.svc.cluster.local"),
            int("server.port", 8080),
            text("network.protocol.version", "1.1"),
            text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/126.0"),
            text("client.address", format!("10.0.{}.{}", n % 7, n % 251)),
            text("enduser.id", format!("user-{}", n % 97)),
        ],
        1 => vec![
            text("db.system.name", "postgresql"),
            text("db.namespace", "orders"),
            text("db.operation.name", "SELECT"),
            text("db.collection.name", "order_items"),
            text("db.query.text", "SELECT id, sku, quantity FROM order_items WHERE order_id = $1"),
            text("server.address", "db-primary.internal"),
            int("server.port", 5432),
            int("db.response.returned_rows", (n % 40) as i64),
            text("thread.name", format!("worker-{}", n % 8)),
            int("thread.id", (n % 8) as i64),
            attribute("db.pool.hit", Value::BoolValue(!n.is_multiple_of(5))),
        ],
        _ => vec![
            text("messaging.system", "kafka"),
            text("messaging.destination.name", "orders.created"),
            text("messaging.operation.type", "publish"),
            text("messaging.client.id", "orders-producer-1"),
            int("messaging.kafka.offset", n as i64),
            text("messaging.destination.partition.id", (n % 12).to_string()),
            int("messaging.message.body.size", 512 + (n % 100) as i64),
            text("code.function.name", "OrderService.publish"),
            text("thread.name", format!("worker-{}", n % 8)),
            int("thread.id", (n % 8) as i64),
            attribute("retry.backoff", Value::DoubleValue(0.25 * (n % 4) as f64)),
        ],
    };
    let events = n.is_multiple_of(50).then(|| Event {
        time_unix_nano: 1_700_000_000_000_000_500,
        name: "exception".into(),
        attributes: vec![text("exception.type", "Timeout"), text("exception.message", "no answer")],
        dropped_attributes_count: 0,
    });
    Span {
        trace_id,
        span_id: id,
        parent_span_id: if n.is_multiple_of(17) { Vec::new() } else { (n64 + 1).to_be_bytes().to_vec() },
        name: ["GET /api/orders/{id}", "SELECT order_items", "publish orders.created"][n % 3].into(),
        kind: [2, 3, 4][n % 3],
        flags: 257,
        start_time_unix_nano: 1_700_000_000_000_000_000 + n64 * 1_000_003,
        end_time_unix_nano: 1_700_000_000_000_000_000 + n64 * 1_000_003 + 250_000 + n64 % 999,
        attributes,
        events: events.into_iter().collect(),
        status: Some(Status { message: String::new(), code: i32::from(n.is_multiple_of(50)) * 2 }),
        ..Span::default()
    }
}

fn resource(service: usize) -> Resource {
    let attributes = (0..13).map(|i| text(&format!("resource.key.{i}"), format!("some value of it {i}")));
    let attributes = attributes.chain([text("service.name", format!("service-{service}"))]).collect();
    Resource { attributes, ..Resource::default() }
}

fn request() -> ExportTraceServiceRequest {
    let in_service = |service: usize| ResourceSpans {
        resource: Some(resource(service)),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "lib".into(),
                version: "1.2.3".into(),
                ..Default::default()
            }),
            spans: (0..SPANS).filter(|n| n % 9 == service).map(span).collect(),
            schema_url: "https://opentelemetry.io/schemas/1.37.0".into(),
        }],
        schema_url: "https://opentelemetry.io/schemas/1.37.0".into(),
    };
    ExportTraceServiceRequest { resource_spans: (0..9).map(in_service).collect() }
}

/// CPU time of this thread; wall time where the system does not tell.
struct CpuTime(WallTime);

fn cpu_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

impl Measurement for CpuTime {
    type Intermediate = (Option<u64>, Instant);
    type Value = Duration;

    fn start(&self) -> Self::Intermediate {
        (cpu_ns(), self.0.start())
    }

    fn end(&self, (cpu, wall): Self::Intermediate) -> Duration {
        let wall = self.0.end(wall);
        cpu.zip(cpu_ns()).map_or(wall, |(start, end)| Duration::from_nanos(end.saturating_sub(start)))
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        self.0.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

fn spans(c: &mut Criterion<CpuTime>) {
    let message = request();
    let protobuf = message.encode_to_vec();
    let json = serde_json::to_vec(&message).unwrap();
    let batch = otlp::decode(Signal::Traces, Encoding::Protobuf, &protobuf).unwrap().batch;
    assert_eq!(batch.num_rows(), SPANS);
    let mut group = c.benchmark_group("spans_500");
    group.throughput(Throughput::Elements(SPANS as u64));
    group.bench_function("decode_protobuf", |b| {
        b.iter(|| otlp::decode(Signal::Traces, Encoding::Protobuf, black_box(&protobuf)).unwrap());
    });
    group.bench_function("decode_protobuf_generated_types", |b| {
        b.iter(|| ExportTraceServiceRequest::decode(black_box(protobuf.as_slice())).unwrap());
    });
    group.bench_function("decode_json", |b| {
        b.iter(|| otlp::decode(Signal::Traces, Encoding::Json, black_box(&json)).unwrap());
    });
    group.bench_function("decode_json_generated_types", |b| {
        b.iter(|| serde_json::from_slice::<ExportTraceServiceRequest>(black_box(&json)).unwrap());
    });
    group.bench_function("encode_protobuf", |b| {
        b.iter(|| otlp::encode_traces(black_box(&batch), Encoding::Protobuf).unwrap());
    });
    group.bench_function("encode_json", |b| {
        b.iter(|| otlp::encode_traces(black_box(&batch), Encoding::Json).unwrap());
    });
    group.finish();
}

fn log_request() -> ExportLogsServiceRequest {
    let record = |n: usize| LogRecord {
        time_unix_nano: 1_700_000_000_000_000_000 + n as u64 * 1_003,
        observed_time_unix_nano: 1_700_000_000_000_100_000 + n as u64 * 1_003,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(format!("order {n} accepted for customer {} in 12 ms", n % 97))),
        }),
        attributes: vec![
            text("code.file.path", "src/orders.rs"),
            int("code.line.number", 214),
            text("thread.name", format!("worker-{}", n % 8)),
            text("enduser.id", format!("user-{}", n % 97)),
        ],
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        ..LogRecord::default()
    };
    let in_service = |service: usize| ResourceLogs {
        resource: Some(resource(service)),
        scope_logs: vec![ScopeLogs {
            log_records: (0..SPANS).filter(|n| n % 9 == service).map(record).collect(),
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest { resource_logs: (0..9).map(in_service).collect() }
}

fn metric_request() -> ExportMetricsServiceRequest {
    let point = |n: usize| NumberDataPoint {
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", format!("/api/orders/{}", n % 10)),
            int("http.response.status_code", 200),
        ],
        start_time_unix_nano: 1_700_000_000_000_000_000,
        time_unix_nano: 1_700_000_060_000_000_000,
        value: Some(number_data_point::Value::AsDouble(n as f64 * 1.25)),
        ..NumberDataPoint::default()
    };
    let metric = |at: usize| Metric {
        name: format!("http.server.requests.{at}"),
        unit: "{request}".into(),
        data: Some(metric::Data::Sum(Sum {
            data_points: (0..10).map(point).collect(),
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
        ..Metric::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource(1)),
            scope_metrics: vec![ScopeMetrics {
                metrics: (0..SPANS / 10).map(metric).collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

fn logs_and_metrics(c: &mut Criterion<CpuTime>) {
    let (logs, metrics) = (log_request().encode_to_vec(), metric_request().encode_to_vec());
    let mut group = c.benchmark_group("items_500");
    group.throughput(Throughput::Elements(SPANS as u64));
    group.bench_function("decode_log_records", |b| {
        b.iter(|| otlp::decode(Signal::Logs, Encoding::Protobuf, black_box(&logs)).unwrap());
    });
    group.bench_function("decode_log_records_generated_types", |b| {
        b.iter(|| ExportLogsServiceRequest::decode(black_box(logs.as_slice())).unwrap());
    });
    group.bench_function("decode_metric_points", |b| {
        b.iter(|| otlp::decode(Signal::Metrics, Encoding::Protobuf, black_box(&metrics)).unwrap());
    });
    group.bench_function("decode_metric_points_generated_types", |b| {
        b.iter(|| ExportMetricsServiceRequest::decode(black_box(metrics.as_slice())).unwrap());
    });
    group.finish();
}

criterion_group! {
    name = otlp_benches;
    config = Criterion::default().with_measurement(CpuTime(WallTime)).sample_size(20);
    targets = spans, logs_and_metrics
}
criterion_main!(otlp_benches);
