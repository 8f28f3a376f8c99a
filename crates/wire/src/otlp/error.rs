//! Why a request could not be read, or a batch not be written.

use throughline_model::BatchError;

use crate::protobuf::{Fault, FaultKind};

/// A request that is not what it claims to be. The sender must not send it again as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The protobuf is malformed.
    #[error("malformed OTLP protobuf at byte {offset}{}: {kind}", in_field(field))]
    Protobuf {
        /// Why.
        kind: FaultKind,
        /// The field, as a path from the request; empty at the top.
        field: String,
        /// Byte offset in the request.
        offset: usize,
    },
    /// The JSON is malformed; the message names field, line and column.
    #[error("malformed OTLP JSON: {0}")]
    Json(String),
    /// The request is larger than one batch can hold.
    #[error("the request is too large for one batch: {0}")]
    TooLarge(String),
    /// The columns could not be put together: a fault of ours.
    #[error("the decoded request makes no batch")]
    Batch(#[from] BatchError),
}

/// What the caller can do about a [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The request is bad: answer 400.
    Invalid,
    /// The request is too large: answer 413.
    TooLarge,
    /// The fault is ours: answer 500.
    Internal,
}

impl DecodeError {
    /// What the caller can do.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        match self {
            Self::Protobuf { kind: FaultKind::TooLarge, .. } | Self::TooLarge(_) => DecodeErrorKind::TooLarge,
            Self::Protobuf { .. } | Self::Json(_) => DecodeErrorKind::Invalid,
            Self::Batch(_) => DecodeErrorKind::Internal,
        }
    }

    /// The path of the malformed field, where it is known.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Protobuf { field, .. } if !field.is_empty() => Some(field),
            _ => None,
        }
    }

    pub(super) fn protobuf(fault: &Fault, input: &[u8]) -> Self {
        Self::Protobuf { kind: fault.kind(), field: fault.path(), offset: fault.offset_in(input) }
    }
}

fn in_field(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!(" in {field}") }
}

/// A batch that does not have the columns of its signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the batch cannot be written as OTLP")]
pub struct EncodeError(#[from] BatchError);
