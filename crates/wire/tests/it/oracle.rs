//! What a request must decode to, worked out from the generated types.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyKind;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, EntityRef as ProtoEntity, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::{logs, trace};
use prost::Message as _;
use throughline_model::{
    Attributes, EntityRef, Event, Exemplar, ExponentialHistogram, Histogram, Link, LogRecord, MetricPoint,
    Number, PointData, Quantile, Resource, Scope, Signal, Span, SpanId, TraceId, Value, rows,
};
use throughline_wire::otlp::{DecodeError, Decoded, Encoding};
use throughline_wire::protobuf::FaultKind;

/// The items of a request, each as text that shows every field, and how many are rejected.
///
/// Text, because NaN equals nothing. Attributes are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Items {
    pub(crate) rows: Vec<String>,
    pub(crate) rejected: u64,
}

impl Items {
    /// The same items in an order of their own.
    pub(crate) fn sorted(mut self) -> Self {
        self.rows.sort();
        self
    }
}

/// What the generated types make of a request.
pub(crate) fn expected(signal: Signal, request: &[u8]) -> Result<Items, prost::DecodeError> {
    Ok(match signal {
        Signal::Traces => spans(ExportTraceServiceRequest::decode(request)?),
        Signal::Logs => records(ExportLogsServiceRequest::decode(request)?),
        Signal::Metrics => points(ExportMetricsServiceRequest::decode(request)?),
    })
}

/// What our decoder made of it.
pub(crate) fn actual(signal: Signal, decoded: &Decoded) -> Items {
    let rows = match signal {
        Signal::Traces => rows::spans(&decoded.batch).unwrap().into_iter().map(show_span).collect(),
        Signal::Logs => rows::logs(&decoded.batch).unwrap().into_iter().map(show_record).collect(),
        Signal::Metrics => rows::points(&decoded.batch).unwrap().into_iter().map(show_point).collect(),
    };
    Items { rows, rejected: decoded.rejected }
}

/// Decodes with our decoder.
pub(crate) fn decode(signal: Signal, encoding: Encoding, request: &[u8]) -> Items {
    let decoded = throughline_wire::otlp::decode(signal, encoding, request).unwrap();
    assert_eq!(decoded.accepted, decoded.batch.num_rows() as u64);
    actual(signal, &decoded)
}

fn sort(attributes: &mut Attributes) {
    attributes.sort_by_cached_key(|entry| format!("{entry:?}"));
}

fn sort_origin(resource: &mut Arc<Resource>, scope: &mut Arc<Scope>) {
    sort(&mut Arc::make_mut(resource).attributes);
    sort(&mut Arc::make_mut(scope).attributes);
}

fn show_span(mut span: Span) -> String {
    sort(&mut span.attributes);
    sort_origin(&mut span.resource, &mut span.scope);
    format!("{span:?}")
}

fn show_record(mut record: LogRecord) -> String {
    sort(&mut record.attributes);
    sort_origin(&mut record.resource, &mut record.scope);
    // A body without content is the same as none.
    record.body = record.body.filter(|body| *body != Value::Null);
    format!("{record:?}")
}

fn show_point(mut point: MetricPoint) -> String {
    sort(&mut point.attributes);
    sort_origin(&mut point.resource, &mut point.scope);
    format!("{point:?}")
}

fn value(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        None | Some(AnyKind::StringValueStrindex(_)) => Value::Null,
        Some(AnyKind::StringValue(text)) => Value::String(text),
        Some(AnyKind::BoolValue(truth)) => Value::Bool(truth),
        Some(AnyKind::IntValue(number)) => Value::Int(number),
        Some(AnyKind::DoubleValue(number)) => Value::Double(number),
        Some(AnyKind::BytesValue(bytes)) => Value::Bytes(bytes),
        Some(AnyKind::ArrayValue(list)) => {
            Value::Array(list.values.into_iter().map(|v| self::value(Some(v))).collect())
        }
        Some(AnyKind::KvlistValue(list)) => Value::Map(attributes(list.values)),
    }
}

fn attributes(entries: Vec<KeyValue>) -> Attributes {
    entries.into_iter().map(|entry| (entry.key, value(entry.value))).collect()
}

fn resource(resource: Option<ProtoResource>, schema_url: String) -> Arc<Resource> {
    let resource = resource.unwrap_or_default();
    Arc::new(Resource {
        attributes: attributes(resource.attributes),
        dropped_attributes_count: resource.dropped_attributes_count,
        schema_url,
        entity_refs: resource.entity_refs.into_iter().map(entity).collect(),
    })
}

fn entity(entity: ProtoEntity) -> EntityRef {
    EntityRef {
        schema_url: entity.schema_url,
        kind: entity.r#type,
        id_keys: entity.id_keys,
        description_keys: entity.description_keys,
    }
}

fn scope(scope: Option<InstrumentationScope>, schema_url: String) -> Arc<Scope> {
    let scope = scope.unwrap_or_default();
    Arc::new(Scope {
        name: scope.name,
        version: scope.version,
        attributes: attributes(scope.attributes),
        dropped_attributes_count: scope.dropped_attributes_count,
        schema_url,
    })
}

fn optional_trace_id(bytes: &[u8]) -> Option<TraceId> {
    TraceId::from_slice(bytes).filter(|id| !id.is_zero())
}

fn optional_span_id(bytes: &[u8]) -> Option<SpanId> {
    SpanId::from_slice(bytes).filter(|id| !id.is_zero())
}

fn spans(request: ExportTraceServiceRequest) -> Items {
    let mut items = Items { rows: Vec::new(), rejected: 0 };
    for in_resource in request.resource_spans {
        let resource = resource(in_resource.resource, in_resource.schema_url);
        for in_scope in in_resource.scope_spans {
            let scope = scope(in_scope.scope, in_scope.schema_url);
            for proto in in_scope.spans {
                match span(proto, &resource, &scope) {
                    Some(span) => items.rows.push(show_span(span)),
                    None => items.rejected += 1,
                }
            }
        }
    }
    items
}

fn span(proto: trace::v1::Span, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Option<Span> {
    let half = |id: &[u8], width: usize| !id.is_empty() && id.len() != width;
    if half(&proto.parent_span_id, 8)
        || proto.links.iter().any(|link| half(&link.trace_id, 16) || half(&link.span_id, 8))
    {
        return None;
    }
    let status = proto.status.unwrap_or_default();
    let event = |event: trace::v1::span::Event| Event {
        time_ns: event.time_unix_nano as i64,
        name: event.name,
        attributes: attributes(event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    };
    let link = |link: trace::v1::span::Link| Link {
        trace_id: TraceId::from_slice(&link.trace_id).unwrap_or_default(),
        span_id: SpanId::from_slice(&link.span_id).unwrap_or_default(),
        trace_state: link.trace_state,
        flags: link.flags,
        attributes: attributes(link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
    };
    Some(Span {
        trace_id: optional_trace_id(&proto.trace_id)?,
        span_id: optional_span_id(&proto.span_id)?,
        parent_span_id: optional_span_id(&proto.parent_span_id),
        trace_state: proto.trace_state,
        flags: proto.flags,
        name: proto.name,
        kind: proto.kind,
        start_ns: proto.start_time_unix_nano as i64,
        duration_ns: proto.end_time_unix_nano.wrapping_sub(proto.start_time_unix_nano) as i64,
        status_code: status.code,
        status_message: status.message,
        attributes: attributes(proto.attributes),
        dropped_attributes_count: proto.dropped_attributes_count,
        events: proto.events.into_iter().map(event).collect(),
        dropped_events_count: proto.dropped_events_count,
        links: proto.links.into_iter().map(link).collect(),
        dropped_links_count: proto.dropped_links_count,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    })
}

fn records(request: ExportLogsServiceRequest) -> Items {
    let mut rows = Vec::new();
    for in_resource in request.resource_logs {
        let resource = resource(in_resource.resource, in_resource.schema_url);
        for in_scope in in_resource.scope_logs {
            let scope = scope(in_scope.scope, in_scope.schema_url);
            rows.extend(
                in_scope.log_records.into_iter().map(|proto| show_record(record(proto, &resource, &scope))),
            );
        }
    }
    Items { rows, rejected: 0 }
}

fn record(proto: logs::v1::LogRecord, resource: &Arc<Resource>, scope: &Arc<Scope>) -> LogRecord {
    LogRecord {
        time_ns: proto.time_unix_nano as i64,
        observed_ns: proto.observed_time_unix_nano as i64,
        severity_number: proto.severity_number,
        severity_text: proto.severity_text,
        body: proto.body.map(|body| value(Some(body))),
        event_name: proto.event_name,
        trace_id: optional_trace_id(&proto.trace_id),
        span_id: optional_span_id(&proto.span_id),
        flags: proto.flags,
        attributes: attributes(proto.attributes),
        dropped_attributes_count: proto.dropped_attributes_count,
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    }
}

fn points(request: ExportMetricsServiceRequest) -> Items {
    let mut rows = Vec::new();
    for in_resource in request.resource_metrics {
        let resource = resource(in_resource.resource, in_resource.schema_url);
        for in_scope in in_resource.scope_metrics {
            let scope = scope(in_scope.scope, in_scope.schema_url);
            for metric in in_scope.metrics {
                let base = MetricPoint {
                    name: metric.name,
                    description: metric.description,
                    unit: metric.unit,
                    metadata: attributes(metric.metadata),
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                    ..MetricPoint::default()
                };
                rows.extend(data_points(&base, metric.data).into_iter().map(show_point));
            }
        }
    }
    Items { rows, rejected: 0 }
}

fn data_points(base: &MetricPoint, data: Option<Data>) -> Vec<MetricPoint> {
    match data {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => {
            gauge.data_points.into_iter().map(|p| number_point(base, p, PointData::Gauge)).collect()
        }
        Some(Data::Sum(sum)) => {
            let base = MetricPoint {
                temporality: sum.aggregation_temporality,
                monotonic: sum.is_monotonic,
                ..base.clone()
            };
            sum.data_points.into_iter().map(|p| number_point(&base, p, PointData::Sum)).collect()
        }
        Some(Data::Histogram(histogram)) => {
            let base = MetricPoint { temporality: histogram.aggregation_temporality, ..base.clone() };
            histogram.data_points.into_iter().map(|p| histogram_point(&base, p)).collect()
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            let base = MetricPoint { temporality: histogram.aggregation_temporality, ..base.clone() };
            histogram.data_points.into_iter().map(|p| exponential_point(&base, p)).collect()
        }
        Some(Data::Summary(summary)) => {
            summary.data_points.into_iter().map(|p| summary_point(base, p)).collect()
        }
    }
}

fn number_point(
    base: &MetricPoint,
    point: metrics::NumberDataPoint,
    data: fn(Option<Number>) -> PointData,
) -> MetricPoint {
    let number = point.value.map(|value| match value {
        metrics::number_data_point::Value::AsDouble(value) => Number::Double(value),
        metrics::number_data_point::Value::AsInt(value) => Number::Int(value),
    });
    MetricPoint {
        attributes: attributes(point.attributes),
        start_ns: point.start_time_unix_nano as i64,
        time_ns: point.time_unix_nano as i64,
        flags: point.flags,
        data: data(number),
        exemplars: exemplars(point.exemplars),
        ..base.clone()
    }
}

fn histogram_point(base: &MetricPoint, point: metrics::HistogramDataPoint) -> MetricPoint {
    MetricPoint {
        attributes: attributes(point.attributes),
        start_ns: point.start_time_unix_nano as i64,
        time_ns: point.time_unix_nano as i64,
        flags: point.flags,
        data: PointData::Histogram(Histogram {
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            bucket_counts: point.bucket_counts,
            explicit_bounds: point.explicit_bounds,
        }),
        exemplars: exemplars(point.exemplars),
        ..base.clone()
    }
}

fn exponential_point(base: &MetricPoint, point: metrics::ExponentialHistogramDataPoint) -> MetricPoint {
    let buckets = |buckets: Option<metrics::exponential_histogram_data_point::Buckets>| {
        buckets.map(|buckets| (buckets.offset, buckets.bucket_counts))
    };
    MetricPoint {
        attributes: attributes(point.attributes),
        start_ns: point.start_time_unix_nano as i64,
        time_ns: point.time_unix_nano as i64,
        flags: point.flags,
        data: PointData::ExponentialHistogram(ExponentialHistogram {
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            scale: point.scale,
            zero_count: point.zero_count,
            zero_threshold: point.zero_threshold,
            positive: buckets(point.positive),
            negative: buckets(point.negative),
        }),
        exemplars: exemplars(point.exemplars),
        ..base.clone()
    }
}

fn summary_point(base: &MetricPoint, point: metrics::SummaryDataPoint) -> MetricPoint {
    let quantile =
        |q: metrics::summary_data_point::ValueAtQuantile| Quantile { quantile: q.quantile, value: q.value };
    MetricPoint {
        attributes: attributes(point.attributes),
        start_ns: point.start_time_unix_nano as i64,
        time_ns: point.time_unix_nano as i64,
        flags: point.flags,
        data: PointData::Summary {
            count: point.count,
            sum: point.sum,
            quantiles: point.quantile_values.into_iter().map(quantile).collect(),
        },
        ..base.clone()
    }
}

fn exemplars(exemplars: Vec<metrics::Exemplar>) -> Vec<Exemplar> {
    let number = |value| match value {
        metrics::exemplar::Value::AsDouble(value) => Number::Double(value),
        metrics::exemplar::Value::AsInt(value) => Number::Int(value),
    };
    let exemplar = |exemplar: metrics::Exemplar| Exemplar {
        time_ns: exemplar.time_unix_nano as i64,
        value: exemplar.value.map(number),
        trace_id: optional_trace_id(&exemplar.trace_id),
        span_id: optional_span_id(&exemplar.span_id),
        attributes: attributes(exemplar.filtered_attributes),
    };
    exemplars.into_iter().map(exemplar).collect()
}

impl Items {
    /// Sorted, for comparing with what an encoder wrote, which has no rejected items.
    pub(crate) fn sorted_without_rejected(mut self) -> Self {
        self.rejected = 0;
        self.sorted()
    }
}

/// How the two decoders agree about some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// Both took them, with the same content.
    Taken,
    /// Both refused them.
    Refused,
    /// A difference that is meant: groups and nesting.
    Excused,
}

/// Decodes bytes with both decoders.
///
/// # Errors
/// A difference that is not meant.
pub(crate) fn compare(signal: Signal, bytes: &[u8]) -> Result<Agreement, String> {
    compare_to(signal, bytes, bytes)
}

/// [`compare`], with other bytes for our decoder than for the generated types: a fault to notice.
pub(crate) fn compare_to(signal: Signal, ours: &[u8], theirs: &[u8]) -> Result<Agreement, String> {
    let ours = throughline_wire::otlp::decode(signal, Encoding::Protobuf, ours);
    let theirs = expected(signal, theirs);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let ours = actual(signal, &ours);
            if ours == theirs {
                Ok(Agreement::Taken)
            } else {
                Err(format!("ours {ours:#?}\ntheirs {theirs:#?}"))
            }
        }
        (Err(_), Err(_)) => Ok(Agreement::Refused),
        // The generated types pass over groups, which OTLP never had.
        (Err(DecodeError::Protobuf { kind: FaultKind::WireType | FaultKind::TooDeep, .. }), Ok(_)) => {
            Ok(Agreement::Excused)
        }
        (Ok(_), Err(error)) if error.to_string().contains("recursion limit") => Ok(Agreement::Excused),
        (Ok(_), Err(error)) => Err(format!("we take what the generated types refuse: {error}")),
        (Err(error), Ok(_)) => Err(format!("we refuse what the generated types take: {error}")),
    }
}
