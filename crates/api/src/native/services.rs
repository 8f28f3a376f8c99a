//! `/api/v1/services` and `/api/v1/operations`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::error::ApiError;
use super::parameters::{Parameters, given, range};
use super::render;
use crate::Shared;
use crate::tenant::tenant;

pub(super) async fn services(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let services = shared.engine.services(&tenant(&headers)?, range(&parameters)?).await?;
    let list: Vec<Value> = services
        .iter()
        .map(|count| json!({"name": count.service, "spanCount": count.spans, "errorCount": count.errors}))
        .collect();
    Ok(Json(json!({ "services": list })))
}

pub(super) async fn operations(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let service = given(&parameters, "service");
    let operations = shared.engine.operations(&tenant(&headers)?, service, None, range(&parameters)?).await?;
    let list: Vec<Value> = operations
        .iter()
        .map(|operation| json!({"name": operation.name, "kind": render::kind(operation.kind)}))
        .collect();
    Ok(Json(json!({ "operations": list })))
}
