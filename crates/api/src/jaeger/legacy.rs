//! `/api/services`, `/api/operations`, `/api/traces`, `/api/dependencies` and siblings.

mod parameters;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_model::{Signal, TraceId, rows};
use throughline_query::{OperationsRequest, Trace};
use throughline_wire::otlp::{self, Encoding};

use super::error::{Fault, LegacyError};
use super::shared_parameters::trace_id;
use super::{find, ui_json};
use crate::Shared;
use crate::tenant::tenant;
use parameters::Parameters;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(service_operations))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(trace))
        .route("/api/dependencies", get(dependencies))
        .route("/api/transform", post(transform))
        .route("/api/metrics/{kind}", any(no_metrics))
        .route("/api/archive/{id}", any(no_archive))
        .with_state(shared)
}

type Answer = Result<Json<Value>, LegacyError>;

fn envelope(data: Vec<Value>) -> Json<Value> {
    Json(json!({"total": data.len(), "data": data, "limit": 0, "offset": 0, "errors": null}))
}

async fn services(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let services = shared.engine.services(&tenant(&headers)?, parameters::everything()).await?;
    let names = services.services.into_iter().map(|service| service.name).filter(|name| !name.is_empty());
    Ok(envelope(names.map(Value::from).collect()))
}

async fn service_operations(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(service): Path<String>,
) -> Answer {
    let request = OperationsRequest {
        tenant: tenant(&headers)?,
        service: Some(service),
        kind: None,
        time: parameters::everything(),
    };
    let operations = shared.engine.operations(request).await?;
    let mut names: Vec<String> = operations.operations.into_iter().map(|operation| operation.name).collect();
    names.sort();
    names.dedup();
    Ok(envelope(names.into_iter().map(Value::from).collect()))
}

async fn operations(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let parameters = Parameters::parse(query.as_deref());
    let service =
        parameters.get("service").ok_or_else(|| Fault::invalid("parameter 'service' is required"))?;
    let request = OperationsRequest {
        tenant: tenant(&headers)?,
        service: Some(service.to_owned()),
        kind: parameters.get("spanKind").and_then(ui_json::kind_named),
        time: parameters::everything(),
    };
    let operations = shared.engine.operations(request).await?;
    let list = operations
        .operations
        .iter()
        .map(|operation| json!({"name": operation.name, "spanKind": ui_json::kind_name(operation.kind)}));
    Ok(envelope(list.collect()))
}

async fn search(State(shared): State<Arc<Shared>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Answer {
    let parameters = Parameters::parse(query.as_deref());
    let tenant = tenant(&headers)?;
    let ids = parameters.trace_ids()?;
    let traces = if ids.is_empty() {
        let (find, range) = parameters.find()?;
        find::traces(&shared, tenant, &find, range).await?
    } else {
        shared.engine.traces(&tenant, &ids, None).await?
    };
    Ok(envelope(traces.iter().map(render).collect()))
}

fn render(trace: &Trace) -> Value {
    ui_json::trace(trace.trace_id, trace.spans.iter())
}

async fn trace(State(shared): State<Arc<Shared>>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let id = trace_id(&id)?;
    // `start` and `end` are hints in units that differ between clients; the id alone decides.
    let found = shared.engine.trace(&tenant(&headers)?, id, None).await?;
    let found = found.ok_or_else(|| Fault::not_found("trace not found"))?;
    Ok(envelope(vec![render(&found)]))
}

async fn dependencies(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let range = Parameters::parse(query.as_deref()).lookback()?;
    let dependencies = shared.engine.dependencies(&tenant(&headers)?, range).await?;
    let list = dependencies
        .dependencies
        .iter()
        .map(|edge| json!({"parent": edge.parent, "child": edge.child, "callCount": edge.calls}));
    Ok(envelope(list.collect()))
}

/// Turns an OTLP JSON document into the UI's JSON, for files that a user drops on the page.
async fn transform(body: Bytes) -> Answer {
    let decoded =
        otlp::decode(Signal::Traces, Encoding::Json, &body).map_err(|e| Fault::invalid(e.to_string()))?;
    let spans = rows::spans(&decoded.batch).map_err(|error| Fault::invalid(error.to_string()))?;
    let mut ids: Vec<TraceId> = spans.iter().map(|span| span.trace_id).collect();
    ids.sort();
    ids.dedup();
    let traces = ids.iter().map(|id| ui_json::trace(*id, spans.iter().filter(|span| span.trace_id == *id)));
    Ok(envelope(traces.collect()))
}

async fn no_metrics() -> LegacyError {
    Fault::not_implemented("metrics querying is currently disabled").into()
}

async fn no_archive() -> LegacyError {
    Fault::not_implemented("archive span storage was not configured").into()
}
