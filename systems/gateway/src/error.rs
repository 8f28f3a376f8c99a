//! What clients are told when a request fails.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// A request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The client's fault.
    #[error("{1}")]
    Client(StatusCode, String),
    /// Another service did not answer in time.
    #[error("{service} did not answer in time")]
    Timeout {
        service: &'static str,
        #[source]
        source: reqwest::Error,
    },
    /// Another service could not be reached.
    #[error("{service} cannot be reached")]
    Unreachable {
        service: &'static str,
        #[source]
        source: reqwest::Error,
    },
    /// Another service answered with a fault of its own.
    #[error("{service} failed with {status}")]
    Upstream { service: &'static str, status: StatusCode },
    /// The database.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Anything else of ours.
    #[error("{0}")]
    Internal(String),
}

impl ApiError {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::Client(StatusCode::BAD_REQUEST, message.into())
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::Client(StatusCode::UNAUTHORIZED, message.into())
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::Client(StatusCode::NOT_FOUND, message.into())
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Client(StatusCode::CONFLICT, message.into())
    }

    pub(crate) fn from_call(service: &'static str, source: reqwest::Error) -> Self {
        if source.is_timeout() {
            Self::Timeout { service, source }
        } else {
            Self::Unreachable { service, source }
        }
    }

    /// Whether the fault is ours or of something we depend on.
    pub(crate) fn is_fault(&self) -> bool {
        !matches!(self, Self::Client(..))
    }

    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Client(status, _) => (*status, code(*status)),
            Self::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout"),
            Self::Unreachable { .. } | Self::Upstream { .. } => (StatusCode::BAD_GATEWAY, "upstream_failed"),
            Self::Database(_) => (StatusCode::INTERNAL_SERVER_ERROR, "database"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        _ => "invalid",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.parts();
        (status, Json(json!({"error": {"code": code, "message": self.to_string()}}))).into_response()
    }
}

/// Marks the current span when the fault is not the client's, and says it in the log.
pub(crate) fn observed<T>(result: Result<T, ApiError>) -> Result<T, ApiError> {
    match result {
        Err(error) if error.is_fault() => {
            throughline_toolkit::record_error(&tracing::Span::current(), &error, error.parts().1);
            Err(error)
        }
        other => other,
    }
}
