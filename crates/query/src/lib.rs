//! Queries: from a syntax tree to a result, with limits.
//!
//! An expression over spans is lowered to a store filter that keeps at least the right rows; the
//! traces found are put together ([`Trace`]) and the expression is run on them in memory, which
//! decides. So an answer never depends on how much of a query the store understands.

mod catalog;
mod dependencies;
mod engine;
mod error;
mod eval;
mod limits;
mod links;
mod logs;
mod lower;
mod metrics;
mod metrics_query;
mod run;
#[cfg(test)]
mod samples;
mod search;
mod tags;
mod trace;
mod value;

pub use catalog::{Operation, Operations, OperationsRequest, ServiceStats, Services};
pub use dependencies::{Dependencies, Dependency};
pub use engine::Engine;
pub use error::{Error, ErrorKind, Result};
pub use limits::{Limits, QueryStats};
pub use links::{BackLink, BackLinks};
pub use logs::{LogMatches, LogSearch};
pub use metrics::{MetricInfo, MetricKind, Metrics};
pub use metrics_query::{
    EXEMPLARS_MAX, Exemplar, SERIES_MAX, Sample, SpanMetrics, SpanMetricsRequest, SpanSeries,
};
pub use search::{
    SearchQuery, SearchRequest, SearchResult, SelectedField, SpanMatch, SpansetMatch, TraceMatch,
};
pub use tags::{ScopedTags, TagNames, TagNamesRequest, TagScope, TagValues, TagValuesRequest};
pub use throughline_store::scan::{ServiceCount, TimeRange, TraceSummary};
pub use trace::{CriticalSegment, Node, Trace};
pub use value::FieldValue;
