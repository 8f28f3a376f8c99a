//! What telemetry is: ids, attribute values, and the columnar batches of spans, log records and
//! metric points that every other crate passes along.
//!
//! A batch is an Arrow [`arrow::array::RecordBatch`] whose columns are named in [`schema`]. The
//! same names and types are used in memory, in Parquet segments and in queries. Builders
//! ([`SpanBatchBuilder`], [`LogBatchBuilder`], [`MetricBatchBuilder`]) fill batches column by
//! column; [`rows`] reads them back as owned rows; [`merge`] concatenates batches by name.
//!
//! Nothing here does I/O.

pub mod attr_json;
mod attribute_columns;
mod batch_error;
mod clock;
mod columns;
mod dictionary;
mod id;
mod log_builder;
pub mod merge;
mod metric_builder;
mod origin;
pub mod rows;
pub mod schema;
mod signal;
mod span_builder;
mod tenant;
mod value;

pub use attribute_columns::{AttributeColumns, MAX_ATTRIBUTE_COLUMNS};
pub use batch_error::BatchError;
pub use clock::{Clock, ManualClock, SystemClock};
pub use dictionary::DictionaryColumn;
pub use id::{IdError, SpanId, TraceId};
pub use log_builder::{BodyText, LogBatchBuilder, LogFields};
pub use metric_builder::{MetricBatchBuilder, MetricFields, PointFields};
pub use origin::{EntityRef, Resource, Scope};
pub use rows::{
    Event, Exemplar, ExponentialHistogram, Histogram, Link, LogRecord, MetricPoint, Number, PointData,
    Quantile, Span,
};
pub use signal::Signal;
pub use span_builder::{SpanBatchBuilder, SpanFields};
pub use tenant::{Tenant, TenantError};
pub use value::{Attributes, Value};
