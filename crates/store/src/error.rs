//! The error every store call returns: a kind named by the caller's remedy, a message, and where it helps a path, a limit or a delay.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself is wrong; repeating it will not help.
    Invalid,
    /// What was asked for does not exist.
    NotFound,
    /// The store has more work than it may hold; repeat after [`Error::retry_after`].
    Overloaded,
    /// Storage is full, failing or closed; repeat after [`Error::retry_after`].
    Unavailable,
    /// Stored bytes are damaged; [`Error::path`] names the file.
    Corrupt,
    /// A read went over one of its limits; [`Error::limit_name`] says which.
    LimitExceeded,
    /// The work was stopped because its caller or the store went away.
    Cancelled,
    /// A defect in the store.
    Internal,
}

/// An error of the store.
pub struct Error(Box<Detail>);

struct Detail {
    kind: ErrorKind,
    message: String,
    path: Option<PathBuf>,
    offset: Option<u64>,
    limit_name: Option<&'static str>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Detail {
            kind,
            message: message.into(),
            path: None,
            offset: None,
            limit_name: None,
            retry_after: None,
            source: None,
        }))
    }

    /// The request itself is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// What was asked for does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// More work than the store may hold; the caller may repeat after `retry_after`.
    pub fn overloaded(message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(ErrorKind::Overloaded, message);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// Storage is full, failing or closed; the caller may repeat after `retry_after`.
    pub fn unavailable(message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::new(ErrorKind::Unavailable, message);
        error.0.retry_after = Some(retry_after);
        error
    }

    /// Stored bytes at `path` are damaged.
    pub fn corrupt(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Corrupt, message);
        error.0.path = Some(path.into());
        error
    }

    /// A read went over the limit called `limit_name` (`deadline`, `rows_max`, `bytes_max`, …).
    pub fn limit(limit_name: &'static str, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::LimitExceeded, message);
        error.0.limit_name = Some(limit_name);
        error
    }

    /// The work was stopped before its end.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Cancelled, message)
    }

    /// A defect in the store.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A failed file operation: `action` says what was tried (`write`, `sync`, …) on `path`.
    ///
    /// Every such failure is [`ErrorKind::Unavailable`] (a full or failing disk can recover), but for a missing file, which is [`ErrorKind::NotFound`].
    pub fn io(action: &str, path: &Path, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Unavailable,
        };
        let mut error = Self::new(kind, format!("cannot {action} {}", path.display()));
        if kind == ErrorKind::Unavailable {
            error.0.retry_after = Some(RETRY_STORAGE);
        }
        error.0.path = Some(path.to_owned());
        error.with_source(source)
    }

    /// Adds the byte offset of the damage in [`Error::path`].
    #[must_use]
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.0.offset = Some(offset);
        self
    }

    /// Adds the file concerned.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file concerned, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The byte offset of the damage in [`Error::path`].
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Which limit a read went over.
    #[must_use]
    pub fn limit_name(&self) -> Option<&'static str> {
        self.0.limit_name
    }

    /// How long to wait before repeating the request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether repeating the same request later can succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Overloaded | ErrorKind::Unavailable)
    }

    /// The causes in one line, for a log entry; the display of the error itself is not repeated.
    #[must_use]
    pub fn source_text(&self) -> String {
        let mut text = String::new();
        let mut cause = self.source();
        while let Some(error) = cause {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Whether the cause is a full disk or an exhausted quota.
    #[must_use]
    pub fn is_storage_full(&self) -> bool {
        let mut cause: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                    return true;
                }
                cause = error
                    .get_ref()
                    .map(|inner| inner as &(dyn StdError + 'static))
                    .or_else(|| error.source());
            } else {
                cause = error.source();
            }
        }
        false
    }
}

/// The delay asked of clients while storage is full or failing.
pub(crate) const RETRY_STORAGE: Duration = Duration::from_secs(5);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match (&self.0.path, self.0.offset) {
            (Some(path), Some(offset)) => write!(f, " ({} at byte {offset})", path.display()),
            (Some(path), None) if self.0.kind == ErrorKind::Corrupt => write!(f, " ({})", path.display()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.to_string());
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(source: arrow::error::ArrowError) -> Self {
        Self::internal("a column operation failed").with_source(source)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                let full = io::Error::new(io::ErrorKind::StorageFull, source);
                Self::unavailable("the catalog's disk is full", RETRY_STORAGE).with_source(full)
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::new(ErrorKind::Corrupt, "the catalog is damaged").with_source(source)
            }
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::ReadOnly,
            ) => Self::unavailable("the catalog cannot be reached", RETRY_STORAGE).with_source(source),
            _ => Self::internal("a catalog statement failed").with_source(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disk_is_retryable_and_recognised_through_wrapping() {
        let inner = io::Error::new(io::ErrorKind::StorageFull, "no room");
        let error = Error::io("write", Path::new("wal/1.wal"), inner);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.is_retryable());
        assert!(error.retry_after().is_some());
        let outer = Error::unavailable("cannot flush", Duration::from_secs(1)).with_source(error);
        assert!(outer.is_storage_full());
    }

    #[test]
    fn display_names_file_and_offset_but_not_the_source() {
        let error = Error::corrupt("wal/3.wal", "checksum differs")
            .at_offset(77)
            .with_source(io::Error::other("inner"));
        assert_eq!(error.to_string(), "checksum differs (wal/3.wal at byte 77)");
        assert_eq!(error.path(), Some(Path::new("wal/3.wal")));
    }
}
