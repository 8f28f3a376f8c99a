//! What clients are told when a request fails.

use std::error::Error;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::database;

/// Why a request was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidBody,
    InvalidQuery,
    InvalidAmount,
    InvalidCurrency,
    InvalidAccountId,
    InvalidIdempotencyKey,
    InvalidKind,
    SameAccount,
    NotFound,
    UnknownAccount,
    UnknownEntry,
    MethodNotAllowed,
    IdempotencyConflict,
    TooLarge,
    CurrencyMismatch,
    InsufficientFunds,
    BalanceOverflow,
}

impl Code {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidBody => "invalid_body",
            Self::InvalidQuery => "invalid_query",
            Self::InvalidAmount => "invalid_amount",
            Self::InvalidCurrency => "invalid_currency",
            Self::InvalidAccountId => "invalid_account_id",
            Self::InvalidIdempotencyKey => "invalid_idempotency_key",
            Self::InvalidKind => "invalid_kind",
            Self::SameAccount => "same_account",
            Self::NotFound => "not_found",
            Self::UnknownAccount => "unknown_account",
            Self::UnknownEntry => "unknown_entry",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::TooLarge => "too_large",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::InsufficientFunds => "insufficient_funds",
            Self::BalanceOverflow => "balance_overflow",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::InvalidBody
            | Self::InvalidQuery
            | Self::InvalidAmount
            | Self::InvalidCurrency
            | Self::InvalidAccountId
            | Self::InvalidIdempotencyKey
            | Self::InvalidKind
            | Self::SameAccount => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::UnknownAccount | Self::UnknownEntry => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::IdempotencyConflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CurrencyMismatch | Self::InsufficientFunds | Self::BalanceOverflow => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }
}

/// A request that is refused: the client's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn unknown_account(id: uuid::Uuid) -> Self {
        Self::new(Code::UnknownAccount, format!("there is no account {id}"))
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        body(self.code.as_str(), &self.message)
    }
}

/// A request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The client's fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something needed is not there for now: the same request may be sent again.
    #[error("{what} is not available; send the same request again")]
    Unavailable {
        what: &'static str,
        code: &'static str,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The transaction lost to another one and left nothing behind.
    #[error("the database is too busy; send the same request again")]
    Conflict(#[source] sqlx::Error),
    /// The database.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// What must not be.
    #[error("{0}")]
    Internal(String),
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if database::is_conflict(&error) {
            Self::Conflict(error)
        } else if database::is_passing(&error) {
            Self::unavailable("the database", "database_unavailable", error)
        } else {
            Self::Database(error)
        }
    }
}

impl ApiError {
    pub(crate) fn unavailable(
        what: &'static str,
        code: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { what, code, source: source.into() }
    }

    /// Whether the fault is ours or of something we depend on.
    pub(crate) fn is_fault(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// What programs read: in answers, on spans and in metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::Unavailable { code, .. } => code,
            Self::Conflict(_) => "database_busy",
            Self::Database(_) => "database",
            Self::Internal(_) => "internal",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.code.status(),
            Self::Unavailable { .. } | Self::Conflict(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = body(self.code(), &self.to_string());
        let mut response = (self.status(), Json(body)).into_response();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn body(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

/// Marks the current span when the fault is not the client's, and says it in the log.
pub(crate) fn observed<T>(result: Result<T, ApiError>) -> Result<T, ApiError> {
    if let Err(error) = &result
        && error.is_fault()
    {
        throughline_toolkit::record_error(&tracing::Span::current(), error, error.code());
    }
    result
}
