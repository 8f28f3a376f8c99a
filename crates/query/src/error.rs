//! The one error of the engine: a kind named by the caller's remedy, and a place in the query.

use std::time::Duration;

use throughline_lang::traceql::{self, Position};
use throughline_store as store;

/// What the engine returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The query or the request is wrong; [`Error::position`] may say where.
    Invalid,
    /// The query is right but asks for what the engine does not run.
    Unsupported,
    /// A limit was reached before there was any answer.
    LimitExceeded,
    /// Try again later.
    Overloaded,
    /// The store is failing or closed.
    Unavailable,
    /// Stored data is damaged.
    Corrupt,
    /// The caller or the store went away.
    Cancelled,
    /// A defect.
    Internal,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    position: Option<u32>,
    retry_after: Option<Duration>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position: None, retry_after: None, source: None }
    }

    /// The request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The engine does not run `feature`.
    pub(crate) fn unsupported(feature: &str, position: Position) -> Self {
        Self::new(ErrorKind::Unsupported, format!("{feature} cannot be run yet")).at(position)
    }

    /// The time is up.
    pub(crate) fn deadline(allowed: Duration) -> Self {
        let message = format!("the query did not end within {} ms", allowed.as_millis());
        Self::new(ErrorKind::LimitExceeded, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Adds the place in the query.
    pub(crate) fn at(mut self, position: Position) -> Self {
        self.position = Some(position.0);
        self
    }

    /// Counts the place in characters of the query's text instead of bytes.
    pub(crate) fn in_text(mut self, text: &str) -> Self {
        self.position = self.position.map(|bytes| {
            let before = text.char_indices().take_while(|(at, _)| (*at as u64) < u64::from(bytes));
            u32::try_from(before.count()).unwrap_or(u32::MAX)
        });
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where in the query text, in characters from 0.
    #[must_use]
    pub fn position(&self) -> Option<u32> {
        self.position
    }

    /// How long to wait before asking again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<traceql::Error> for Error {
    fn from(error: traceql::Error) -> Self {
        let kind = match error.kind() {
            traceql::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error.to_string()).at(error.position())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let kind = match error.kind() {
            store::ErrorKind::Invalid | store::ErrorKind::NotFound => ErrorKind::Invalid,
            store::ErrorKind::Overloaded => ErrorKind::Overloaded,
            store::ErrorKind::Unavailable => ErrorKind::Unavailable,
            store::ErrorKind::Corrupt => ErrorKind::Corrupt,
            store::ErrorKind::LimitExceeded => ErrorKind::LimitExceeded,
            store::ErrorKind::Cancelled => ErrorKind::Cancelled,
            _ => ErrorKind::Internal,
        };
        let mut own = Self::new(kind, error.to_string());
        own.retry_after = error.retry_after();
        own.source = Some(error.into());
        own
    }
}

impl From<throughline_model::BatchError> for Error {
    fn from(error: throughline_model::BatchError) -> Self {
        let mut own = Self::internal("stored rows cannot be read");
        own.source = Some(error.into());
        own
    }
}
