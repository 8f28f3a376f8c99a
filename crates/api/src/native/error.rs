//! `{"error":{"code","message","position"?}}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use throughline_query::ErrorKind;

/// A request of the native API failed.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    position: Option<u32>,
}

impl ApiError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "invalid", message: message.into(), position: None }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not_found", message: message.into(), position: None }
    }
}

impl From<throughline_query::Error> for ApiError {
    fn from(error: throughline_query::Error) -> Self {
        let (status, code) = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unsupported => (StatusCode::BAD_REQUEST, "invalid"),
            ErrorKind::LimitExceeded => (StatusCode::UNPROCESSABLE_ENTITY, "limit"),
            ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::Cancelled => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
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
