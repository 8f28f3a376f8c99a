//! `/api/v1/metrics`: which metrics arrived.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_query::MetricInfo;

use super::error::ApiError;
use super::parameters::{Parameters, range};
use crate::Shared;
use crate::tenant::tenant;

pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let metrics = shared.engine.metrics(&tenant(&headers)?, range(&parameters)?).await?;
    Ok(Json(json!({ "metrics": metrics.metrics.iter().map(metric).collect::<Vec<_>>() })))
}

fn metric(metric: &MetricInfo) -> Value {
    json!({
        "name": metric.name, "kind": metric.kind.name(), "unit": metric.unit, "description": metric.description,
        "services": metric.services, "series": metric.series, "points": metric.points,
        "lastNs": metric.last_ns.to_string(),
    })
}
