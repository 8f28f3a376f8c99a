//! Names and Arrow types of the columns of each signal.
//!
//! Columns marked optional in [`fixed_fields`] (nullable ones) may be absent from a batch
//! altogether: absent, null and the type's empty value mean the same. Attribute columns are named
//! `a.<key>` ([`attribute_column`]) and hold one type; a row whose attribute has another type
//! keeps it in [`ATTRIBUTES`].

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields};

use crate::signal::Signal;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => { $($(#[$doc])* pub const $name: &str = $text;)* };
}

names! {
    /// Trace id, 16 bytes.
    TRACE_ID = "trace_id";
    /// Span id, 8 bytes.
    SPAN_ID = "span_id";
    /// Parent's span id; null at a root.
    PARENT_SPAN_ID = "parent_span_id";
    /// W3C tracestate.
    TRACE_STATE = "trace_state";
    /// OTLP flags; the low byte is W3C's.
    FLAGS = "flags";
    /// Span name or metric name.
    NAME = "name";
    /// Span kind by OTLP's number, or the kind of a metric ([`crate::PointData::kind`]).
    KIND = "kind";
    /// Start of a span, or of a metric point's interval (0: unknown); nanoseconds since the epoch.
    START_NS = "start_ns";
    /// End minus start, nanoseconds; negative when the sender's clock ran backwards.
    DURATION_NS = "duration_ns";
    /// 0 unset, 1 ok, 2 error.
    STATUS_CODE = "status_code";
    /// The status's message.
    STATUS_MESSAGE = "status_message";
    /// `service.name` of the resource, or empty.
    SERVICE = "service";
    /// The resource as JSON ([`crate::Resource::to_json`]).
    RESOURCE = "resource";
    /// The scope as JSON ([`crate::Scope::to_json`]).
    SCOPE = "scope";
    /// How many attributes the sender dropped.
    DROPPED_ATTRIBUTES = "dropped_attributes";
    /// How many events the sender dropped.
    DROPPED_EVENTS = "dropped_events";
    /// How many links the sender dropped.
    DROPPED_LINKS = "dropped_links";
    /// JSON object: attributes that have no column of their own; for metrics, all of the point's.
    ATTRIBUTES = "attributes";
    /// List of a span's events.
    EVENTS = "events";
    /// List of a span's links.
    LINKS = "links";
    /// When a log record or metric point happened; nanoseconds since the epoch.
    TIME_NS = "time_ns";
    /// When a log record was observed.
    OBSERVED_NS = "observed_ns";
    /// OTLP severity number, 0 to 24.
    SEVERITY_NUMBER = "severity_number";
    /// Severity as the sender wrote it.
    SEVERITY_TEXT = "severity_text";
    /// Body of a log record: its text, or JSON of another type.
    BODY = "body";
    /// True where [`BODY`] is JSON of a value that is no string.
    BODY_IS_JSON = "body_is_json";
    /// Name of the event that a log record is.
    EVENT_NAME = "event_name";
    /// Description of a metric.
    DESCRIPTION = "description";
    /// Unit of a metric (UCUM).
    UNIT = "unit";
    /// 0 unspecified, 1 delta, 2 cumulative.
    TEMPORALITY = "temporality";
    /// Whether a sum only grows.
    MONOTONIC = "monotonic";
    /// A metric's metadata as attribute JSON.
    METADATA = "metadata";
    /// Value of a number point that is a double.
    VALUE_DOUBLE = "value_double";
    /// Value of a number point that is an integer.
    VALUE_INT = "value_int";
    /// Number of observations.
    COUNT = "count";
    /// Sum of observations.
    SUM = "sum";
    /// Smallest observation.
    MIN = "min";
    /// Largest observation.
    MAX = "max";
    /// Counts of a histogram's buckets.
    BUCKET_COUNTS = "bucket_counts";
    /// Upper bounds of a histogram's buckets, one fewer than the buckets.
    EXPLICIT_BOUNDS = "explicit_bounds";
    /// Scale of an exponential histogram.
    SCALE = "scale";
    /// Count of its zero bucket.
    ZERO_COUNT = "zero_count";
    /// Width of its zero bucket.
    ZERO_THRESHOLD = "zero_threshold";
    /// Index of the first positive bucket.
    POSITIVE_OFFSET = "positive_offset";
    /// Counts of the positive buckets.
    POSITIVE_COUNTS = "positive_counts";
    /// Index of the first negative bucket.
    NEGATIVE_OFFSET = "negative_offset";
    /// Counts of the negative buckets.
    NEGATIVE_COUNTS = "negative_counts";
    /// Quantiles of a summary.
    QUANTILES = "quantiles";
    /// Exemplars of a point.
    EXEMPLARS = "exemplars";
}

/// What the names of attribute columns start with.
pub const ATTRIBUTE_PREFIX: &str = "a.";

/// The name of an attribute's own column.
#[must_use]
pub fn attribute_column(key: &str) -> String {
    format!("{ATTRIBUTE_PREFIX}{key}")
}

/// The attribute key of a column's name, if it is an attribute column.
#[must_use]
pub fn attribute_key(column: &str) -> Option<&str> {
    column.strip_prefix(ATTRIBUTE_PREFIX)
}

/// The type of `trace_id` columns.
pub const TRACE_ID_TYPE: DataType = DataType::FixedSizeBinary(16);
/// The type of `span_id` columns.
pub const SPAN_ID_TYPE: DataType = DataType::FixedSizeBinary(8);

/// The type of dictionary columns: text, each distinct one once.
#[must_use]
pub fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// Fields of one event in [`EVENTS`].
pub static EVENT_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        required(TIME_NS, DataType::Int64),
        required(NAME, DataType::Utf8),
        optional(ATTRIBUTES, DataType::Utf8),
        required(DROPPED_ATTRIBUTES, DataType::UInt32),
    ])
});

/// Fields of one link in [`LINKS`].
pub static LINK_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        required(TRACE_ID, TRACE_ID_TYPE),
        required(SPAN_ID, SPAN_ID_TYPE),
        optional(TRACE_STATE, DataType::Utf8),
        required(FLAGS, DataType::UInt32),
        optional(ATTRIBUTES, DataType::Utf8),
        required(DROPPED_ATTRIBUTES, DataType::UInt32),
    ])
});

/// Fields of one exemplar in [`EXEMPLARS`].
pub static EXEMPLAR_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![
        required(TIME_NS, DataType::Int64),
        optional(VALUE_DOUBLE, DataType::Float64),
        optional(VALUE_INT, DataType::Int64),
        optional(TRACE_ID, TRACE_ID_TYPE),
        optional(SPAN_ID, SPAN_ID_TYPE),
        optional(ATTRIBUTES, DataType::Utf8),
    ])
});

/// Fields of one quantile in [`QUANTILES`].
pub static QUANTILE_FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    Fields::from(vec![required("quantile", DataType::Float64), required("value", DataType::Float64)])
});

/// A list column's item field.
#[must_use]
pub fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, false))
}

fn list(data_type: DataType) -> DataType {
    DataType::List(item(data_type))
}

/// Name, type and nullability of every column but the attribute columns, in their order.
#[must_use]
pub fn fixed_fields(signal: Signal) -> &'static [Field] {
    static SPANS: LazyLock<Vec<Field>> = LazyLock::new(span_fields);
    static LOGS: LazyLock<Vec<Field>> = LazyLock::new(log_fields);
    static METRICS: LazyLock<Vec<Field>> = LazyLock::new(metric_fields);
    match signal {
        Signal::Traces => &SPANS,
        Signal::Logs => &LOGS,
        Signal::Metrics => &METRICS,
    }
}

/// The fixed field of that name.
#[must_use]
pub fn fixed_field(signal: Signal, name: &str) -> Option<&'static Field> {
    fixed_fields(signal).iter().find(|field| field.name() == name)
}

fn span_fields() -> Vec<Field> {
    vec![
        required(TRACE_ID, TRACE_ID_TYPE),
        required(SPAN_ID, SPAN_ID_TYPE),
        optional(PARENT_SPAN_ID, SPAN_ID_TYPE),
        optional(TRACE_STATE, DataType::Utf8),
        required(FLAGS, DataType::UInt32),
        required(NAME, DataType::Utf8),
        required(KIND, DataType::Int32),
        required(START_NS, DataType::Int64),
        required(DURATION_NS, DataType::Int64),
        required(STATUS_CODE, DataType::Int32),
        optional(STATUS_MESSAGE, DataType::Utf8),
        required(SERVICE, dictionary_type()),
        required(RESOURCE, dictionary_type()),
        required(SCOPE, dictionary_type()),
        optional(DROPPED_ATTRIBUTES, DataType::UInt32),
        optional(DROPPED_EVENTS, DataType::UInt32),
        optional(DROPPED_LINKS, DataType::UInt32),
        optional(ATTRIBUTES, DataType::Utf8),
        optional(EVENTS, list(DataType::Struct(EVENT_FIELDS.clone()))),
        optional(LINKS, list(DataType::Struct(LINK_FIELDS.clone()))),
    ]
}

fn log_fields() -> Vec<Field> {
    vec![
        required(TIME_NS, DataType::Int64),
        required(OBSERVED_NS, DataType::Int64),
        required(SEVERITY_NUMBER, DataType::Int32),
        optional(SEVERITY_TEXT, DataType::Utf8),
        optional(BODY, DataType::Utf8),
        optional(BODY_IS_JSON, DataType::Boolean),
        optional(EVENT_NAME, DataType::Utf8),
        optional(TRACE_ID, TRACE_ID_TYPE),
        optional(SPAN_ID, SPAN_ID_TYPE),
        required(FLAGS, DataType::UInt32),
        required(SERVICE, dictionary_type()),
        required(RESOURCE, dictionary_type()),
        required(SCOPE, dictionary_type()),
        optional(DROPPED_ATTRIBUTES, DataType::UInt32),
        optional(ATTRIBUTES, DataType::Utf8),
    ]
}

fn metric_fields() -> Vec<Field> {
    vec![
        required(NAME, dictionary_type()),
        optional(DESCRIPTION, dictionary_type()),
        optional(UNIT, dictionary_type()),
        required(KIND, DataType::Int32),
        required(TEMPORALITY, DataType::Int32),
        required(MONOTONIC, DataType::Boolean),
        optional(METADATA, DataType::Utf8),
        required(SERVICE, dictionary_type()),
        required(RESOURCE, dictionary_type()),
        required(SCOPE, dictionary_type()),
        required(ATTRIBUTES, dictionary_type()),
        required(START_NS, DataType::Int64),
        required(TIME_NS, DataType::Int64),
        required(FLAGS, DataType::UInt32),
        optional(VALUE_DOUBLE, DataType::Float64),
        optional(VALUE_INT, DataType::Int64),
        optional(COUNT, DataType::UInt64),
        optional(SUM, DataType::Float64),
        optional(MIN, DataType::Float64),
        optional(MAX, DataType::Float64),
        optional(BUCKET_COUNTS, list(DataType::UInt64)),
        optional(EXPLICIT_BOUNDS, list(DataType::Float64)),
        optional(SCALE, DataType::Int32),
        optional(ZERO_COUNT, DataType::UInt64),
        optional(ZERO_THRESHOLD, DataType::Float64),
        optional(POSITIVE_OFFSET, DataType::Int32),
        optional(POSITIVE_COUNTS, list(DataType::UInt64)),
        optional(NEGATIVE_OFFSET, DataType::Int32),
        optional(NEGATIVE_COUNTS, list(DataType::UInt64)),
        optional(QUANTILES, list(DataType::Struct(QUANTILE_FIELDS.clone()))),
        optional(EXEMPLARS, list(DataType::Struct(EXEMPLAR_FIELDS.clone()))),
    ]
}
