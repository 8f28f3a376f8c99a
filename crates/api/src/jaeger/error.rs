//! Errors as Jaeger answers them, in the form of each generation.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use throughline_query::ErrorKind;

/// A request failed.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    pub(super) fn not_implemented(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_IMPLEMENTED, message: message.into() }
    }
}

impl From<throughline_query::Error> for Fault {
    fn from(error: throughline_query::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
            ErrorKind::LimitExceeded => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::Cancelled => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %crate::chain(&error), "a query failed");
        }
        Self { status, message: error.to_string() }
    }
}

impl From<throughline_model::TenantError> for Fault {
    fn from(error: throughline_model::TenantError) -> Self {
        Self::invalid(format!("X-Scope-OrgID: {error}"))
    }
}

/// `{"data":null,…,"errors":[{"code","msg"}]}`.
#[derive(Debug)]
pub(super) struct LegacyError(Fault);

/// `{"error":{"httpCode","message"}}`.
#[derive(Debug)]
pub(super) struct V3Error(Fault);

macro_rules! from_fault {
    ($form:ident: $($cause:ty),*) => {$(
        impl From<$cause> for $form {
            fn from(error: $cause) -> Self {
                Self(error.into())
            }
        }
    )*};
}

from_fault!(LegacyError: Fault, throughline_query::Error, throughline_model::TenantError);
from_fault!(V3Error: Fault, throughline_query::Error, throughline_model::TenantError);

impl IntoResponse for LegacyError {
    fn into_response(self) -> Response {
        let Fault { status, message } = self.0;
        let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0,
                          "errors": [{"code": status.as_u16(), "msg": message}]});
        (status, Json(body)).into_response()
    }
}

impl IntoResponse for V3Error {
    fn into_response(self) -> Response {
        let Fault { status, message } = self.0;
        (status, Json(json!({"error": {"httpCode": status.as_u16(), "message": message}}))).into_response()
    }
}
