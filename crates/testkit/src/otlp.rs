//! Export requests made by hand.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

/// A span to send.
#[derive(Debug, Clone)]
pub struct SpanSpec {
    /// Trace id.
    pub trace_id: u128,
    /// Span id, not 0.
    pub span_id: u64,
    /// Parent; 0 for none.
    pub parent: u64,
    /// Name.
    pub name: String,
    /// Start before now, nanoseconds.
    pub age_ns: u64,
    /// Duration, nanoseconds.
    pub duration_ns: u64,
    /// Status code.
    pub status: i32,
    /// String attributes.
    pub attributes: Vec<(String, String)>,
}

impl SpanSpec {
    /// A root of one millisecond that ended just now.
    #[must_use]
    pub fn root(trace_id: u128, name: &str) -> Self {
        Self {
            trace_id,
            span_id: 1,
            parent: 0,
            name: name.to_owned(),
            age_ns: 1_000_000,
            duration_ns: 1_000_000,
            status: 0,
            attributes: Vec::new(),
        }
    }

    /// A child of the root.
    #[must_use]
    pub fn child(trace_id: u128, span_id: u64, name: &str) -> Self {
        Self { span_id, parent: 1, ..Self::root(trace_id, name) }
    }
}

/// A trace's id as text.
#[must_use]
pub fn hex_trace_id(id: u128) -> String {
    format!("{id:032x}")
}

/// Spans of services, to be sent in one request.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    services: Vec<(String, Vec<SpanSpec>)>,
}

impl Batch {
    /// No spans yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds spans of a service.
    #[must_use]
    pub fn service(mut self, name: &str, spans: impl IntoIterator<Item = SpanSpec>) -> Self {
        self.services.push((name.to_owned(), spans.into_iter().collect()));
        self
    }

    /// The request as a message.
    #[must_use]
    pub fn request(&self) -> ExportTraceServiceRequest {
        let resource_spans = self
            .services
            .iter()
            .map(|(service, spans)| ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![attribute("service.name", service)],
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(InstrumentationScope { name: "testkit".to_owned(), ..Default::default() }),
                    spans: spans.iter().map(span).collect(),
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            })
            .collect();
        ExportTraceServiceRequest { resource_spans }
    }

    /// The request as protobuf.
    #[must_use]
    pub fn protobuf(&self) -> Vec<u8> {
        self.request().encode_to_vec()
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    }
}

fn span(spec: &SpanSpec) -> Span {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let start = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_sub(spec.age_ns);
    let parent = if spec.parent == 0 { Vec::new() } else { spec.parent.to_be_bytes().to_vec() };
    Span {
        trace_id: spec.trace_id.to_be_bytes().to_vec(),
        span_id: spec.span_id.to_be_bytes().to_vec(),
        parent_span_id: parent,
        name: spec.name.clone(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + spec.duration_ns,
        attributes: spec.attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
        status: Some(Status { code: spec.status, message: String::new() }),
        ..Span::default()
    }
}
