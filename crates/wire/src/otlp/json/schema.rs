//! OTLP's messages as a table: JSON name, field number and type of every field.

/// How a field's value is written in each encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Text.
    String,
    /// Bytes; base64 in JSON.
    Bytes,
    /// A trace or span id; hexadecimal in JSON.
    Id,
    /// True or false.
    Bool,
    /// A signed 64-bit varint; a string in JSON.
    Int64,
    /// An unsigned 64-bit varint; a string in JSON.
    Uint64,
    /// An unsigned 32-bit varint.
    Uint32,
    /// A signed 32-bit varint, zigzag.
    Sint32,
    /// A number with names.
    Enum(&'static [&'static str]),
    /// Eight bytes, unsigned; a string in JSON.
    Fixed64,
    /// Eight bytes, signed; a string in JSON.
    Sfixed64,
    /// Four bytes, unsigned.
    Fixed32,
    /// Eight bytes, floating point.
    Double,
    /// A message of its own.
    Message(&'static Message),
}

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
    /// Written in JSON even when the message does not have it.
    pub(crate) always: bool,
}

/// A message: its fields in the order in which JSON shows them.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

macro_rules! message {
    ($name:ident, $text:literal, { $($number:literal $field:literal $kind:expr $(, $many:ident)?;)* }) => {
        pub(crate) static $name: Message = Message {
            name: $text,
            fields: &[$(Field { name: $field, number: $number, kind: $kind, repeated: message!(@many $($many)?), always: message!(@always $($many)?) }),*],
        };
    };
    (@many $many:ident) => { true };
    (@many) => { false };
    (@always list) => { true };
    (@always $($many:ident)?) => { false };
}

const SPAN_KIND: Kind = Kind::Enum(&[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
]);
const STATUS_CODE: Kind = Kind::Enum(&["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]);
const TEMPORALITY: Kind = Kind::Enum(&[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
]);
#[rustfmt::skip]
const SEVERITY: Kind = Kind::Enum(&[
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE", "SEVERITY_NUMBER_TRACE2", "SEVERITY_NUMBER_TRACE3", "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG", "SEVERITY_NUMBER_DEBUG2", "SEVERITY_NUMBER_DEBUG3", "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO", "SEVERITY_NUMBER_INFO2", "SEVERITY_NUMBER_INFO3", "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN", "SEVERITY_NUMBER_WARN2", "SEVERITY_NUMBER_WARN3", "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR", "SEVERITY_NUMBER_ERROR2", "SEVERITY_NUMBER_ERROR3", "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL", "SEVERITY_NUMBER_FATAL2", "SEVERITY_NUMBER_FATAL3", "SEVERITY_NUMBER_FATAL4",
]);

message!(ANY_VALUE, "AnyValue", {
    1 "stringValue" Kind::String;
    2 "boolValue" Kind::Bool;
    3 "intValue" Kind::Int64;
    4 "doubleValue" Kind::Double;
    5 "arrayValue" Kind::Message(&ARRAY_VALUE);
    6 "kvlistValue" Kind::Message(&KEY_VALUE_LIST);
    7 "bytesValue" Kind::Bytes;
});
message!(ARRAY_VALUE, "ArrayValue", { 1 "values" Kind::Message(&ANY_VALUE), list; });
message!(KEY_VALUE_LIST, "KeyValueList", { 1 "values" Kind::Message(&KEY_VALUE), list; });
message!(KEY_VALUE, "KeyValue", { 1 "key" Kind::String; 2 "value" Kind::Message(&ANY_VALUE); });
message!(ENTITY_REF, "EntityRef", {
    1 "schemaUrl" Kind::String;
    2 "type" Kind::String;
    3 "idKeys" Kind::String, list;
    4 "descriptionKeys" Kind::String, list;
});
message!(RESOURCE, "Resource", {
    1 "attributes" Kind::Message(&KEY_VALUE), many;
    2 "droppedAttributesCount" Kind::Uint32;
    3 "entityRefs" Kind::Message(&ENTITY_REF), many;
});
message!(SCOPE, "InstrumentationScope", {
    1 "name" Kind::String;
    2 "version" Kind::String;
    3 "attributes" Kind::Message(&KEY_VALUE), many;
    4 "droppedAttributesCount" Kind::Uint32;
});

message!(TRACES, "ExportTraceServiceRequest", { 1 "resourceSpans" Kind::Message(&RESOURCE_SPANS), many; });
message!(RESOURCE_SPANS, "ResourceSpans", {
    1 "resource" Kind::Message(&RESOURCE);
    2 "scopeSpans" Kind::Message(&SCOPE_SPANS), many;
    3 "schemaUrl" Kind::String;
});
message!(SCOPE_SPANS, "ScopeSpans", {
    1 "scope" Kind::Message(&SCOPE);
    2 "spans" Kind::Message(&SPAN), many;
    3 "schemaUrl" Kind::String;
});
message!(SPAN, "Span", {
    1 "traceId" Kind::Id;
    2 "spanId" Kind::Id;
    3 "traceState" Kind::String;
    4 "parentSpanId" Kind::Id;
    16 "flags" Kind::Fixed32;
    5 "name" Kind::String;
    6 "kind" SPAN_KIND;
    7 "startTimeUnixNano" Kind::Fixed64;
    8 "endTimeUnixNano" Kind::Fixed64;
    9 "attributes" Kind::Message(&KEY_VALUE), many;
    10 "droppedAttributesCount" Kind::Uint32;
    11 "events" Kind::Message(&EVENT), many;
    12 "droppedEventsCount" Kind::Uint32;
    13 "links" Kind::Message(&LINK), many;
    14 "droppedLinksCount" Kind::Uint32;
    15 "status" Kind::Message(&STATUS);
});
message!(EVENT, "Event", {
    1 "timeUnixNano" Kind::Fixed64;
    2 "name" Kind::String;
    3 "attributes" Kind::Message(&KEY_VALUE), many;
    4 "droppedAttributesCount" Kind::Uint32;
});
message!(LINK, "Link", {
    1 "traceId" Kind::Id;
    2 "spanId" Kind::Id;
    3 "traceState" Kind::String;
    4 "attributes" Kind::Message(&KEY_VALUE), many;
    5 "droppedAttributesCount" Kind::Uint32;
    6 "flags" Kind::Fixed32;
});
message!(STATUS, "Status", { 2 "message" Kind::String; 3 "code" STATUS_CODE; });

message!(LOGS, "ExportLogsServiceRequest", { 1 "resourceLogs" Kind::Message(&RESOURCE_LOGS), many; });
message!(RESOURCE_LOGS, "ResourceLogs", {
    1 "resource" Kind::Message(&RESOURCE);
    2 "scopeLogs" Kind::Message(&SCOPE_LOGS), many;
    3 "schemaUrl" Kind::String;
});
message!(SCOPE_LOGS, "ScopeLogs", {
    1 "scope" Kind::Message(&SCOPE);
    2 "logRecords" Kind::Message(&LOG_RECORD), many;
    3 "schemaUrl" Kind::String;
});
message!(LOG_RECORD, "LogRecord", {
    1 "timeUnixNano" Kind::Fixed64;
    11 "observedTimeUnixNano" Kind::Fixed64;
    2 "severityNumber" SEVERITY;
    3 "severityText" Kind::String;
    5 "body" Kind::Message(&ANY_VALUE);
    6 "attributes" Kind::Message(&KEY_VALUE), many;
    7 "droppedAttributesCount" Kind::Uint32;
    8 "flags" Kind::Fixed32;
    9 "traceId" Kind::Id;
    10 "spanId" Kind::Id;
    12 "eventName" Kind::String;
});

message!(METRICS, "ExportMetricsServiceRequest", { 1 "resourceMetrics" Kind::Message(&RESOURCE_METRICS), many; });
message!(RESOURCE_METRICS, "ResourceMetrics", {
    1 "resource" Kind::Message(&RESOURCE);
    2 "scopeMetrics" Kind::Message(&SCOPE_METRICS), many;
    3 "schemaUrl" Kind::String;
});
message!(SCOPE_METRICS, "ScopeMetrics", {
    1 "scope" Kind::Message(&SCOPE);
    2 "metrics" Kind::Message(&METRIC), many;
    3 "schemaUrl" Kind::String;
});
message!(METRIC, "Metric", {
    1 "name" Kind::String;
    2 "description" Kind::String;
    3 "unit" Kind::String;
    5 "gauge" Kind::Message(&GAUGE);
    7 "sum" Kind::Message(&SUM);
    9 "histogram" Kind::Message(&HISTOGRAM);
    10 "exponentialHistogram" Kind::Message(&EXPONENTIAL_HISTOGRAM);
    11 "summary" Kind::Message(&SUMMARY);
    12 "metadata" Kind::Message(&KEY_VALUE), many;
});
message!(GAUGE, "Gauge", { 1 "dataPoints" Kind::Message(&NUMBER_POINT), many; });
message!(SUM, "Sum", {
    1 "dataPoints" Kind::Message(&NUMBER_POINT), many;
    2 "aggregationTemporality" TEMPORALITY;
    3 "isMonotonic" Kind::Bool;
});
message!(HISTOGRAM, "Histogram", {
    1 "dataPoints" Kind::Message(&HISTOGRAM_POINT), many;
    2 "aggregationTemporality" TEMPORALITY;
});
message!(EXPONENTIAL_HISTOGRAM, "ExponentialHistogram", {
    1 "dataPoints" Kind::Message(&EXPONENTIAL_POINT), many;
    2 "aggregationTemporality" TEMPORALITY;
});
message!(SUMMARY, "Summary", { 1 "dataPoints" Kind::Message(&SUMMARY_POINT), many; });
message!(NUMBER_POINT, "NumberDataPoint", {
    7 "attributes" Kind::Message(&KEY_VALUE), many;
    2 "startTimeUnixNano" Kind::Fixed64;
    3 "timeUnixNano" Kind::Fixed64;
    4 "asDouble" Kind::Double;
    6 "asInt" Kind::Sfixed64;
    5 "exemplars" Kind::Message(&EXEMPLAR), many;
    8 "flags" Kind::Uint32;
});
message!(HISTOGRAM_POINT, "HistogramDataPoint", {
    9 "attributes" Kind::Message(&KEY_VALUE), many;
    2 "startTimeUnixNano" Kind::Fixed64;
    3 "timeUnixNano" Kind::Fixed64;
    4 "count" Kind::Fixed64;
    5 "sum" Kind::Double;
    6 "bucketCounts" Kind::Fixed64, many;
    7 "explicitBounds" Kind::Double, many;
    8 "exemplars" Kind::Message(&EXEMPLAR), many;
    10 "flags" Kind::Uint32;
    11 "min" Kind::Double;
    12 "max" Kind::Double;
});
message!(EXPONENTIAL_POINT, "ExponentialHistogramDataPoint", {
    1 "attributes" Kind::Message(&KEY_VALUE), many;
    2 "startTimeUnixNano" Kind::Fixed64;
    3 "timeUnixNano" Kind::Fixed64;
    4 "count" Kind::Fixed64;
    5 "sum" Kind::Double;
    6 "scale" Kind::Sint32;
    7 "zeroCount" Kind::Fixed64;
    8 "positive" Kind::Message(&BUCKETS);
    9 "negative" Kind::Message(&BUCKETS);
    10 "flags" Kind::Uint32;
    11 "exemplars" Kind::Message(&EXEMPLAR), many;
    12 "min" Kind::Double;
    13 "max" Kind::Double;
    14 "zeroThreshold" Kind::Double;
});
message!(BUCKETS, "Buckets", { 1 "offset" Kind::Sint32; 2 "bucketCounts" Kind::Uint64, many; });
message!(SUMMARY_POINT, "SummaryDataPoint", {
    7 "attributes" Kind::Message(&KEY_VALUE), many;
    2 "startTimeUnixNano" Kind::Fixed64;
    3 "timeUnixNano" Kind::Fixed64;
    4 "count" Kind::Fixed64;
    5 "sum" Kind::Double;
    6 "quantileValues" Kind::Message(&QUANTILE), many;
    8 "flags" Kind::Uint32;
});
message!(QUANTILE, "ValueAtQuantile", { 1 "quantile" Kind::Double; 2 "value" Kind::Double; });
message!(EXEMPLAR, "Exemplar", {
    7 "filteredAttributes" Kind::Message(&KEY_VALUE), many;
    2 "timeUnixNano" Kind::Fixed64;
    3 "asDouble" Kind::Double;
    6 "asInt" Kind::Sfixed64;
    4 "spanId" Kind::Id;
    5 "traceId" Kind::Id;
});

message!(TEMPO_TRACE_V1, "Trace", { 1 "batches" Kind::Message(&RESOURCE_SPANS), many; });
message!(TEMPO_TRACE, "Trace", { 1 "resourceSpans" Kind::Message(&RESOURCE_SPANS), many; });
