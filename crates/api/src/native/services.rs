//! `/api/v1/services` and `/api/v1/operations`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_query::OperationsRequest;

use super::error::ApiError;
use super::parameters::{Parameters, given, range};
use crate::Shared;
use crate::tenant::tenant;

pub(super) async fn services(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let services = shared.engine.services(&tenant(&headers)?, range(&parameters)?).await?;
    let list: Vec<Value> = services
        .services
        .iter()
        .map(
            |service| json!({"name": service.name, "spanCount": service.spans, "errorCount": service.errors}),
        )
        .collect();
    Ok(Json(json!({ "services": list })))
}

pub(super) async fn operations(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let request = OperationsRequest {
        tenant: tenant(&headers)?,
        service: given(&parameters, "service").map(str::to_owned),
        kind: None,
        time: range(&parameters)?,
    };
    let operations = shared.engine.operations(request).await?;
    let list: Vec<Value> = operations
        .operations
        .iter()
        .map(|operation| {
            json!({"name": operation.name, "kind": operation.kind.name(), "spanCount": operation.spans,
                   "errorCount": operation.errors})
        })
        .collect();
    Ok(Json(json!({ "operations": list })))
}
