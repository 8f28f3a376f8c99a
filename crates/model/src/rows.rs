//! Owned rows: one span, log record or metric point each, and reading them from batches.
//!
//! Hot paths stay on columns; rows are for what is small or leaves the process.

mod column;
mod log_rows;
mod metric_rows;
mod span_rows;

use std::sync::Arc;

pub(crate) use column::cell;
pub use column::{Column, Dictionary};
pub use log_rows::logs;
pub use metric_rows::points;
pub use span_rows::spans;

use crate::id::{SpanId, TraceId};
use crate::origin::{Resource, Scope};
use crate::value::Attributes;

/// One span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Span {
    /// Trace id.
    pub trace_id: TraceId,
    /// Span id.
    pub span_id: SpanId,
    /// Parent; `None` at a root.
    pub parent_span_id: Option<SpanId>,
    /// W3C tracestate.
    pub trace_state: String,
    /// OTLP flags.
    pub flags: u32,
    /// Name.
    pub name: String,
    /// OTLP kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// Start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// End minus start, nanoseconds.
    pub duration_ns: i64,
    /// 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    /// Status message.
    pub status_message: String,
    /// Attributes; those with a column first, then the others.
    pub attributes: Attributes,
    /// Attributes dropped by the sender.
    pub dropped_attributes_count: u32,
    /// Events in the order sent.
    pub events: Vec<Event>,
    /// Events dropped by the sender.
    pub dropped_events_count: u32,
    /// Links in the order sent.
    pub links: Vec<Link>,
    /// Links dropped by the sender.
    pub dropped_links_count: u32,
    /// Where it comes from; spans of one batch with equal resources share one.
    pub resource: Arc<Resource>,
    /// Instrumentation scope; shared likewise.
    pub scope: Arc<Scope>,
}

impl Span {
    /// End of the span, nanoseconds since the epoch.
    #[must_use]
    pub fn end_ns(&self) -> i64 {
        self.start_ns.wrapping_add(self.duration_ns)
    }
}

/// An event of a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// When, nanoseconds since the epoch.
    pub time_ns: i64,
    /// Name.
    pub name: String,
    /// Attributes.
    pub attributes: Attributes,
    /// Attributes dropped by the sender.
    pub dropped_attributes_count: u32,
}

/// A link of a span to another span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Link {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// Its tracestate.
    pub trace_state: String,
    /// OTLP flags.
    pub flags: u32,
    /// Attributes.
    pub attributes: Attributes,
    /// Attributes dropped by the sender.
    pub dropped_attributes_count: u32,
}

/// One log record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogRecord {
    /// When it happened, nanoseconds since the epoch; 0 when the sender did not know.
    pub time_ns: i64,
    /// When it was observed.
    pub observed_ns: i64,
    /// OTLP severity number, 0 to 24.
    pub severity_number: i32,
    /// Severity as the sender wrote it.
    pub severity_text: String,
    /// Body; `None` when the sender set none.
    pub body: Option<crate::value::Value>,
    /// Event name.
    pub event_name: String,
    /// Trace that it belongs to.
    pub trace_id: Option<TraceId>,
    /// Span that it belongs to.
    pub span_id: Option<SpanId>,
    /// OTLP flags.
    pub flags: u32,
    /// Attributes.
    pub attributes: Attributes,
    /// Attributes dropped by the sender.
    pub dropped_attributes_count: u32,
    /// Where it comes from.
    pub resource: Arc<Resource>,
    /// Instrumentation scope.
    pub scope: Arc<Scope>,
}

/// One data point of a metric, with what the metric says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricPoint {
    /// Metric name.
    pub name: String,
    /// Description.
    pub description: String,
    /// Unit (UCUM).
    pub unit: String,
    /// Metadata of the metric.
    pub metadata: Attributes,
    /// 0 unspecified, 1 delta, 2 cumulative.
    pub temporality: i32,
    /// Whether a sum only grows.
    pub monotonic: bool,
    /// Attributes of the point.
    pub attributes: Attributes,
    /// Start of the interval, 0 when unknown.
    pub start_ns: i64,
    /// Time of the point.
    pub time_ns: i64,
    /// OTLP flags (1: no recorded value).
    pub flags: u32,
    /// What was measured.
    pub data: PointData,
    /// Exemplars.
    pub exemplars: Vec<Exemplar>,
    /// Where it comes from.
    pub resource: Arc<Resource>,
    /// Instrumentation scope.
    pub scope: Arc<Scope>,
}

/// A number as the sender typed it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
}

/// What a metric point measured.
#[derive(Debug, Clone, PartialEq)]
pub enum PointData {
    /// A gauge's value; `None` when none was recorded.
    Gauge(Option<Number>),
    /// A sum's value.
    Sum(Option<Number>),
    /// A histogram with explicit buckets.
    Histogram(Histogram),
    /// A histogram with exponential buckets.
    ExponentialHistogram(ExponentialHistogram),
    /// A summary: count, sum and quantiles.
    Summary {
        /// Number of observations.
        count: u64,
        /// Their sum.
        sum: f64,
        /// Quantiles.
        quantiles: Vec<Quantile>,
    },
}

impl Default for PointData {
    fn default() -> Self {
        Self::Gauge(None)
    }
}

impl PointData {
    /// The number in the `kind` column: 1 gauge, 2 sum, 3 histogram, 4 exponential histogram,
    /// 5 summary.
    #[must_use]
    pub fn kind(&self) -> i32 {
        match self {
            Self::Gauge(_) => 1,
            Self::Sum(_) => 2,
            Self::Histogram(_) => 3,
            Self::ExponentialHistogram(_) => 4,
            Self::Summary { .. } => 5,
        }
    }
}

/// A histogram with explicit buckets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Number of observations.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Counts of the buckets.
    pub bucket_counts: Vec<u64>,
    /// Upper bounds of all buckets but the last.
    pub explicit_bounds: Vec<f64>,
}

/// A histogram with exponential buckets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExponentialHistogram {
    /// Number of observations.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Base is 2^(2^-scale).
    pub scale: i32,
    /// Count of the zero bucket.
    pub zero_count: u64,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Index of the first positive bucket and the counts from there; `None` when not sent.
    pub positive: Option<(i32, Vec<u64>)>,
    /// Likewise for negative observations.
    pub negative: Option<(i32, Vec<u64>)>,
}

/// A quantile of a summary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// 0 to 1.
    pub quantile: f64,
    /// The value there.
    pub value: f64,
}

/// An example observation of a metric point, tied to a trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exemplar {
    /// When, nanoseconds since the epoch.
    pub time_ns: i64,
    /// What was observed.
    pub value: Option<Number>,
    /// In which trace.
    pub trace_id: Option<TraceId>,
    /// In which span.
    pub span_id: Option<SpanId>,
    /// Attributes that the metric does not have.
    pub attributes: Attributes,
}
