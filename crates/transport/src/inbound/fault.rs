//! Why a request is not answered with success, before any protocol's words for it.

use throughline_model::TenantError;
use throughline_pipeline::{Refusal, RefusalKind};
use throughline_wire::otlp::{DecodeError, DecodeErrorKind};

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("{message}")]
    Malformed { message: String, field: Option<String> },
    #[error(transparent)]
    Tenant(#[from] TenantError),
    #[error("the request is larger than the {limit_bytes} bytes that are taken")]
    TooLarge { limit_bytes: usize },
    #[error("{0}")]
    TooComplex(String),
    #[error("content type {0:?} is not supported: send application/x-protobuf or application/json")]
    MediaType(String),
    #[error("content encoding {0:?} is not supported: send gzip, zstd, deflate or identity")]
    Coding(String),
    #[error("only POST is allowed here")]
    Method,
    #[error("nothing is served at {0:?}")]
    NoRoute(String),
    #[error("no pipeline takes {0}")]
    NoPipeline(&'static str),
    #[error("the request did not arrive in time")]
    Slow,
    #[error("the deadline passed before the request was stored")]
    Deadline,
    #[error("the request's body broke off: {0}")]
    Broken(String),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Internal(String),
}

/// What an answer tells about a request, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Partial,
    Refused,
    Failure,
}

impl Fault {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(refusal) if refusal.is_retryable() => Outcome::Refused,
            _ => Outcome::Failure,
        }
    }

    /// Whether the fault is ours, and so belongs into our log.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Internal(_) => true,
            Self::Refused(refusal) => refusal.kind == RefusalKind::Internal,
            _ => false,
        }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        match error.kind() {
            DecodeErrorKind::Invalid => {
                Self::Malformed { message: error.to_string(), field: error.field().map(str::to_owned) }
            }
            DecodeErrorKind::TooLarge => Self::TooComplex(error.to_string()),
            DecodeErrorKind::Internal => Self::Internal(error.to_string()),
        }
    }
}
