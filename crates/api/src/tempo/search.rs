//! `GET /api/search`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::HeaderMap;
use serde_json::Value;
use throughline_query::SearchRequest;

use super::error::TempoError;
use super::request::{Parameters, count, query, range};
use super::response;
use crate::Shared;
use crate::tenant::tenant;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 5000;
const SPANS_DEFAULT: usize = 3;
const SPANS_MAX: usize = 1000;

pub(super) async fn search(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(parameters): Parameters,
) -> Result<Json<Value>, TempoError> {
    let range = range(&parameters)?;
    let request = SearchRequest {
        tenant: tenant(&headers)?,
        query: query(&parameters)?.as_str().into(),
        time: range,
        limit: count(&parameters, "limit", LIMIT_DEFAULT, LIMIT_MAX)?,
        spans_per_spanset: count(&parameters, "spss", SPANS_DEFAULT, SPANS_MAX)?,
    };
    let found = shared.engine.search(request).await?;
    Ok(Json(response::search(&found)))
}
