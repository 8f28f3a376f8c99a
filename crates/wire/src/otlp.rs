//! OTLP, the OpenTelemetry protocol: export requests to batches and back, and the answers.
//!
//! [`decode`] is what a listener and the write-ahead log's replay call. [`encode()`] is what an
//! exporter and the trace APIs call. The answers to an export request are in [`mod@response`] and
//! [`mod@status`].
//!
//! # What is normalised
//! Nothing that a valid request carries is lost but the following, which a round trip shows:
//! - attributes keep their values, not their order; an attribute without a value and one with an
//!   empty `AnyValue` are the same, as are NaNs of any payload outside attribute columns;
//! - resources, scopes and metrics without items leave no rows; an absent resource or scope and an
//!   empty one are the same; metrics of one identity in one scope come back as one;
//! - an id of zeros and an absent one are the same where the id is optional; a log record's or
//!   exemplar's id of another length is dropped with a warning;
//! - fields for profiles (`key_strindex`, `string_value_strindex`) are checked and left out.

mod decode;
pub mod encode;
mod error;
mod json;
pub mod response;
pub mod status;
pub mod tempo;

pub use decode::{Decoded, MAX_REQUEST_BYTES, decode};
pub use encode::{encode, encode_logs, encode_metrics, encode_traces};
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use response::response;
pub use status::{Status, status};

/// How a request or an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/x-protobuf`, and gRPC.
    Protobuf,
    /// `application/json`.
    Json,
}

impl Encoding {
    /// A number that never changes, for files.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Protobuf => 1,
            Self::Json => 2,
        }
    }

    /// The encoding of a [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Protobuf, Self::Json].into_iter().find(|encoding| encoding.code() == code)
    }

    /// The media type of requests and answers.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}
