//! `{"error":{"code","message","position"?}}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use throughline_query::{QueryError, QueryErrorKind};

/// A request of the native API failed.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    position: Option<usize>,
}

impl ApiError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "invalid", message: message.into(), position: None }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not_found", message: message.into(), position: None }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let (status, code) = match error.kind() {
            QueryErrorKind::Invalid | QueryErrorKind::Unsupported => (StatusCode::BAD_REQUEST, "invalid"),
            QueryErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            QueryErrorKind::Limit => (StatusCode::UNPROCESSABLE_ENTITY, "limit"),
            QueryErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "limit"),
            QueryErrorKind::Overloaded | QueryErrorKind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            QueryErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %crate::chain(&error), "a query failed");
        }
        Self { status, code, message: error.to_string(), position: error.position() }
    }
}

impl From<throughline_model::TenantError> for ApiError {
    fn from(error: throughline_model::TenantError) -> Self {
        Self::invalid(format!("X-Scope-OrgID: {error}"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({"code": self.code, "message": self.message});
        if let (Some(position), Some(body)) = (self.position, body.as_object_mut()) {
            body.insert("position".to_owned(), position.into());
        }
        (self.status, Json(json!({ "error": body }))).into_response()
    }
}
