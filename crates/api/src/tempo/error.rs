//! Errors as Tempo answers them: the status and a line of text.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use throughline_query::ErrorKind;

/// A request of the Tempo API failed.
#[derive(Debug)]
pub(crate) struct TempoError {
    status: StatusCode,
    message: String,
}

impl TempoError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }
}

impl From<throughline_query::Error> for TempoError {
    fn from(error: throughline_query::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
            ErrorKind::LimitExceeded => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable | ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %crate::chain(&error), "a query failed");
        }
        let message = match error.position() {
            Some(position) => format!("{error} (at character {position})"),
            None => error.to_string(),
        };
        Self { status, message }
    }
}

impl From<throughline_model::TenantError> for TempoError {
    fn from(error: throughline_model::TenantError) -> Self {
        Self::invalid(format!("X-Scope-OrgID: {error}"))
    }
}

impl IntoResponse for TempoError {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.message)).into_response()
    }
}
