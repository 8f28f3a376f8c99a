//! `/api/v1/search`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_query::{SearchRequest, SpanMatch, TraceMatch};

use super::error::ApiError;
use super::parameters::{Parameters, given, limit, range};
use super::render;
use crate::Shared;
use crate::tenant::tenant;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 1000;
const SPANS_PER_TRACE: usize = 3;

pub(super) async fn search(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let range = range(&parameters)?;
    let request = SearchRequest {
        tenant: tenant(&headers)?,
        query: given(&parameters, "q").unwrap_or("{}").into(),
        time: range,
        limit: limit(&parameters, LIMIT_DEFAULT, LIMIT_MAX)?,
        spans_per_spanset: SPANS_PER_TRACE,
    };
    let found = shared.engine.search(request).await?;
    Ok(Json(json!({
        "traces": found.traces.iter().map(trace).collect::<Vec<_>>(),
        "complete": found.complete,
        "stats": {
            "inspectedSpans": found.stats.inspected_rows,
            "inspectedBytes": found.stats.inspected_bytes,
            "elapsedMs": u64::try_from(found.stats.elapsed.as_millis()).unwrap_or(u64::MAX),
        },
    })))
}

fn trace(found: &TraceMatch) -> Value {
    let summary = &found.summary;
    let services: Vec<Value> = summary
        .services
        .iter()
        .map(|count| json!({"name": count.service, "spanCount": count.spans, "errorCount": count.errors}))
        .collect();
    json!({
        "traceId": summary.trace_id.to_string(),
        "rootService": summary.root_service,
        "rootName": summary.root_name,
        "startNs": summary.start_ns.to_string(),
        "durationNs": summary.end_ns.saturating_sub(summary.start_ns).to_string(),
        "spanCount": summary.span_count,
        "errorCount": summary.error_count,
        "services": services,
        "matched": found.matched(),
        "spans": found.spans().take(SPANS_PER_TRACE).map(span).collect::<Vec<_>>(),
    })
}

fn span(span: &SpanMatch) -> Value {
    json!({
        "spanId": span.span_id.to_string(),
        "name": span.name,
        "service": span.service,
        "startNs": span.start_ns.to_string(),
        "durationNs": span.duration_ns.to_string(),
        "status": render::status(span.status_code),
    })
}
