//! `/api/v1/logs`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::{Value, json};
use throughline_model::{LogRecord, TraceId};
use throughline_query::LogSearch;

use super::error::ApiError;
use super::parameters::{Parameters, given, limit, range};
use super::render;
use crate::Shared;
use crate::tenant::tenant;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 5000;

pub(super) async fn logs(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, ApiError> {
    let severity = given(&parameters, "severity").map(|text| {
        let number = text.parse::<i32>().ok().filter(|number| (0..=24).contains(number));
        number.ok_or_else(|| {
            ApiError::invalid(format!("severity={text:?}: expected an OTLP severity number, 0 to 24"))
        })
    });
    let trace_id = given(&parameters, "traceId")
        .map(|text| TraceId::from_hex(text).map_err(|error| ApiError::invalid(format!("traceId: {error}"))));
    let request = LogSearch {
        tenant: tenant(&headers)?,
        time: range(&parameters)?,
        service: given(&parameters, "service").map(str::to_owned),
        severity_min: severity.transpose()?,
        contains: given(&parameters, "contains").map(str::to_owned),
        trace_id: trace_id.transpose()?,
        span_id: None,
        limit: limit(&parameters, LIMIT_DEFAULT, LIMIT_MAX)?,
    };
    let found = shared.engine.logs(request).await?;
    let records: Vec<Value> = found.records.iter().map(record).collect();
    Ok(Json(json!({"logs": records, "complete": found.complete})))
}

fn record(record: &LogRecord) -> Value {
    let time_ns = if record.time_ns == 0 { record.observed_ns } else { record.time_ns };
    json!({
        "timeNs": time_ns.to_string(),
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "service": record.resource.service_name(),
        "body": record.body.as_ref().map(throughline_model::Value::display),
        "eventName": record.event_name,
        "traceId": record.trace_id.map(|id| id.to_string()),
        "spanId": record.span_id.map(|id| id.to_string()),
        "attributes": render::attributes(&record.attributes),
        "resource": render::attributes(&record.resource.attributes),
    })
}
