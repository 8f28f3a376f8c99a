//! Links followed backwards: who points at this trace?

use throughline_model::{Signal, SpanId, Tenant, TraceId, rows, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, Field, Filter, Limit, Order, ScanRequest, TimeRange};

use crate::limits::Meter;
use crate::run::scan;
use crate::{QueryStats, Result};

/// A span that links to another trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackLink {
    /// Trace of the span that links.
    pub trace_id: TraceId,
    /// The span that links.
    pub span_id: SpanId,
    /// The span that it links to.
    pub target_span_id: SpanId,
}

/// Spans that link to a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct BackLinks {
    /// The links, of the newest span first.
    pub links: Vec<BackLink>,
    /// Whether every span of the time range was looked at.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

pub(crate) async fn linked_from(
    store: &Store,
    mut meter: Meter,
    tenant: &Tenant,
    id: TraceId,
    time: TimeRange,
    limit: usize,
) -> Result<BackLinks> {
    let request = ScanRequest {
        time,
        filter: Filter::eq(Field::LinkTraceId, id.to_string()),
        columns: Columns::named(&[schema::TRACE_ID, schema::SPAN_ID, schema::START_NS, schema::LINKS]),
        order: Order::NewestFirst,
        limit: Limit::Rows(limit),
        ..ScanRequest::new(tenant.clone(), Signal::Traces)
    };
    let mut links = Vec::new();
    scan(store, request, &mut meter, |batch| {
        for span in rows::spans(&batch)? {
            let targets = span.links.iter().filter(|link| link.trace_id == id && span.trace_id != id);
            links.extend(targets.map(|link| BackLink {
                trace_id: span.trace_id,
                span_id: span.span_id,
                target_span_id: link.span_id,
            }));
        }
        Ok(())
    })
    .await?;
    let (complete, stats) = meter.finish();
    Ok(BackLinks { links, complete, stats })
}
