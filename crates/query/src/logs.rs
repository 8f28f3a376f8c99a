//! Log records by time, service, severity, text and trace.

use throughline_model::{LogRecord, Signal, SpanId, Tenant, TraceId, rows, schema};
use throughline_store::Store;
use throughline_store::scan::{CompareOp, Field, Filter, Limit, Order, ScanRequest, TimeRange};

use crate::limits::{Meter, check_limit};
use crate::run::scan;
use crate::{Limits, QueryStats, Result};

/// Which log records.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSearch {
    /// Whose.
    pub tenant: Tenant,
    /// When.
    pub time: TimeRange,
    /// Of this service.
    pub service: Option<String>,
    /// Of at least this OTLP severity number.
    pub severity_min: Option<i32>,
    /// With this text in the body, byte for byte.
    pub contains: Option<String>,
    /// Of this trace.
    pub trace_id: Option<TraceId>,
    /// Of this span.
    pub span_id: Option<SpanId>,
    /// How many at most.
    pub limit: usize,
}

impl LogSearch {
    /// Every record of a time range.
    #[must_use]
    pub fn new(tenant: Tenant, time: TimeRange, limit: usize) -> Self {
        Self {
            tenant,
            time,
            service: None,
            severity_min: None,
            contains: None,
            trace_id: None,
            span_id: None,
            limit,
        }
    }
}

/// The log records found.
#[derive(Debug, Clone, PartialEq)]
pub struct LogMatches {
    /// The newest first.
    pub records: Vec<LogRecord>,
    /// Whether these are the newest, as many as asked for; false when a limit cut the search short.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

pub(crate) async fn search(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    request: LogSearch,
) -> Result<LogMatches> {
    let limit = check_limit("the limit", request.limit, limits.logs_max)?;
    let filter = filter(&request);
    let scan_request = ScanRequest {
        time: request.time,
        filter,
        order: Order::NewestFirst,
        limit: Limit::Rows(limit),
        ..ScanRequest::new(request.tenant, Signal::Logs)
    };
    let mut records = Vec::new();
    scan(store, scan_request, &mut meter, |batch| {
        records.extend(rows::logs(&batch)?);
        Ok(())
    })
    .await?;
    let (complete, stats) = meter.finish();
    Ok(LogMatches { records, complete, stats })
}

fn filter(request: &LogSearch) -> Filter {
    let mut filter = Filter::All;
    if let Some(service) = &request.service {
        filter = filter.and(Filter::eq(Field::column(schema::SERVICE), service.as_str()));
    }
    if let Some(severity) = request.severity_min {
        let column = Field::column(schema::SEVERITY_NUMBER);
        filter = filter.and(Filter::compare(column, CompareOp::Ge, i64::from(severity)));
    }
    if let Some(id) = request.trace_id {
        filter = filter.and(Filter::eq(Field::column(schema::TRACE_ID), id.to_string()));
    }
    if let Some(id) = request.span_id {
        filter = filter.and(Filter::eq(Field::column(schema::SPAN_ID), id.to_string()));
    }
    if let Some(text) = request.contains.as_deref().filter(|text| !text.is_empty()) {
        filter = filter.and(Filter::compare(Field::column(schema::BODY), CompareOp::Contains, text));
    }
    filter
}
