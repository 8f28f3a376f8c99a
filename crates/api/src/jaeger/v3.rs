//! `/api/v3/…`: Jaeger's API on OTLP.

mod parameters;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use throughline_model::Span;
use throughline_query::{OperationsRequest, Trace, TraceSummary};
use throughline_wire::otlp::Encoding;
use throughline_wire::otlp::encode::encode_spans;

use super::error::{Fault, V3Error};
use super::shared_parameters::trace_id;
use super::{find, ui_json};
use crate::Shared;
use crate::tenant::tenant;
use parameters::Parameters;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(traces).post(traces))
        .route("/api/v3/trace-summaries", get(summaries).post(summaries))
        .route("/api/v3/traces/{id}", get(trace))
        .route("/api/v3/dependencies", get(dependencies))
        .with_state(shared)
}

type RawParameters = Query<std::collections::HashMap<String, String>>;

async fn services(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Json<Value>, V3Error> {
    let services = shared.engine.services(&tenant(&headers)?, parameters::everything()).await?;
    let names: Vec<String> =
        services.services.into_iter().map(|service| service.name).filter(|name| !name.is_empty()).collect();
    Ok(Json(json!({ "services": names })))
}

async fn operations(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(raw): RawParameters,
) -> Result<Json<Value>, V3Error> {
    let parameters = Parameters(raw);
    let service = parameters
        .get("service")
        .ok_or_else(|| Fault::invalid("malformed parameter service: it is required"))?;
    let request = OperationsRequest {
        tenant: tenant(&headers)?,
        service: Some(service.to_owned()),
        kind: parameters.get("spanKind").and_then(ui_json::kind_named),
        time: parameters::everything(),
    };
    let operations = shared.engine.operations(request).await?;
    let list: Vec<Value> = operations
        .operations
        .iter()
        .map(|operation| json!({"name": operation.name, "spanKind": ui_json::kind_name(operation.kind)}))
        .collect();
    Ok(Json(json!({ "operations": list })))
}

async fn traces(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(raw): RawParameters,
) -> Result<Response, V3Error> {
    let (find, range) = Parameters(raw).find()?;
    let traces = find::traces(&shared, tenant(&headers)?, &find, range).await?;
    if traces.is_empty() {
        return Err(Fault::not_found("No traces found").into());
    }
    Ok(otlp(traces))
}

async fn trace(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, V3Error> {
    let id = trace_id(&id)?;
    let found = shared.engine.trace(&tenant(&headers)?, id, None).await?;
    let found = found.ok_or_else(|| Fault::not_found("No traces found"))?;
    Ok(otlp(vec![found]))
}

/// `{"result":{"resourceSpans":[…]}}`.
fn otlp(traces: Vec<Trace>) -> Response {
    let spans: Vec<Span> = traces.into_iter().flat_map(|trace| trace.spans).collect();
    let mut body = br#"{"result":"#.to_vec();
    body.extend(encode_spans(&spans, Encoding::Json));
    body.push(b'}');
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn summaries(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(raw): RawParameters,
) -> Result<Json<Value>, V3Error> {
    let (find, range) = Parameters(raw).find()?;
    let found = shared.engine.search(find.request(tenant(&headers)?, range)).await.map_err(Fault::from)?;
    if found.traces.is_empty() {
        return Err(Fault::not_found("No traces found").into());
    }
    let list: Vec<Value> = found.traces.iter().map(|trace| summary(&trace.summary)).collect();
    Ok(Json(json!({ "summaries": list })))
}

fn summary(summary: &TraceSummary) -> Value {
    let services: Vec<Value> = summary
        .services
        .iter()
        .map(|count| json!({"name": count.service, "spanCount": count.spans, "errorSpanCount": count.errors}))
        .collect();
    json!({
        "traceId": summary.trace_id.to_string(),
        "rootServiceName": summary.root_service,
        "rootOperationName": summary.root_name,
        "minStartTimeUnixNano": summary.start_ns.to_string(),
        "maxEndTimeUnixNano": summary.end_ns.to_string(),
        "spanCount": summary.span_count,
        "errorSpanCount": summary.error_count,
        "services": services,
    })
}

async fn dependencies(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(raw): RawParameters,
) -> Result<Json<Value>, V3Error> {
    let range = Parameters(raw).times()?;
    let dependencies = shared.engine.dependencies(&tenant(&headers)?, range).await?;
    let list: Vec<Value> = dependencies
        .dependencies
        .iter()
        .map(|edge| json!({"parent": edge.parent, "child": edge.child, "callCount": edge.calls.to_string()}))
        .collect();
    Ok(Json(json!({ "dependencies": list })))
}
