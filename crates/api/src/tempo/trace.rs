//! `GET /api/traces/{id}` and `/api/v2/traces/{id}`.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use throughline_model::TraceId;
use throughline_wire::otlp::Encoding;
use throughline_wire::otlp::tempo::{self, TraceById};

use super::error::TempoError;
use super::request::{Parameters, accepted, range_hint};
use crate::Shared;
use crate::tenant::tenant;

/// The bare trace; 404 when there is none.
pub(super) async fn v1(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Result<Response, TempoError> {
    let id = parse(&id)?;
    let found = shared.engine.trace(&tenant(&headers)?, id, range_hint(&parameters)?).await?;
    let found = found.ok_or_else(|| TempoError::not_found(format!("trace {id} not found")))?;
    let encoding = accepted(&headers);
    Ok(answer(tempo::trace(&found.spans, encoding), encoding))
}

/// The trace in its envelope; an envelope with an empty trace when there is none, because a 404
/// makes Grafana ask the first version again.
pub(super) async fn v2(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Result<Response, TempoError> {
    let id = parse(&id)?;
    let found = shared.engine.trace(&tenant(&headers)?, id, range_hint(&parameters)?).await?;
    let spans = found.map(|trace| trace.spans).unwrap_or_default();
    let encoding = accepted(&headers);
    Ok(answer(tempo::trace_by_id(&spans, &TraceById::default(), encoding), encoding))
}

fn parse(id: &str) -> Result<TraceId, TempoError> {
    TraceId::from_hex(id).map_err(|error| TempoError::invalid(format!("trace ids must be hex: {error}")))
}

fn answer(body: Vec<u8>, encoding: Encoding) -> Response {
    let media_type = match encoding {
        Encoding::Protobuf => "application/protobuf",
        Encoding::Json => "application/json",
    };
    ([(header::CONTENT_TYPE, media_type)], body).into_response()
}
