//! The names of the rules.

use std::fmt;

/// A rule of the audit. The [module](super) says what violates each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// An error passed through a span that does not tell.
    ErrorReturnedWithoutStatus,
    /// A server answered 500 and nothing says why.
    ServerErrorWithoutException,
    /// A 5xx answer without `error.type`.
    Http5xxWithoutErrorType,
    /// An error without `error.type`.
    ErrorStatusWithoutErrorType,
    /// A message without trace context.
    MessageConsumedWithoutContext,
    /// One exception, recorded twice.
    ExceptionRecordedTwice,
    /// A secret about to leave the process.
    AttributeLooksLikeSecret,
    /// An HTTP request without its route.
    ServerSpanWithoutRoute,
    /// A span name of which there are too many.
    SpanNameWithId,
    /// A span that took too long to be one.
    SpanOpenTooLong,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 10] = [
        Self::ErrorReturnedWithoutStatus,
        Self::ServerErrorWithoutException,
        Self::Http5xxWithoutErrorType,
        Self::ErrorStatusWithoutErrorType,
        Self::MessageConsumedWithoutContext,
        Self::ExceptionRecordedTwice,
        Self::AttributeLooksLikeSecret,
        Self::ServerSpanWithoutRoute,
        Self::SpanNameWithId,
        Self::SpanOpenTooLong,
    ];

    /// Its name in reports and in the label `rule`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ErrorReturnedWithoutStatus => "error_returned_without_status",
            Self::ServerErrorWithoutException => "server_error_without_exception",
            Self::Http5xxWithoutErrorType => "http_5xx_without_error_type",
            Self::ErrorStatusWithoutErrorType => "error_status_without_error_type",
            Self::MessageConsumedWithoutContext => "message_consumed_without_context",
            Self::ExceptionRecordedTwice => "exception_recorded_twice",
            Self::AttributeLooksLikeSecret => "attribute_looks_like_secret",
            Self::ServerSpanWithoutRoute => "server_span_without_route",
            Self::SpanNameWithId => "span_name_with_id",
            Self::SpanOpenTooLong => "span_open_too_long",
        }
    }

    /// The rule of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == name)
    }

    /// Whether a span tells by itself; the others are known only to the process that made it.
    #[cfg(feature = "testing")]
    pub(crate) fn shows_on_spans(self) -> bool {
        !matches!(
            self,
            Self::ErrorReturnedWithoutStatus
                | Self::ServerErrorWithoutException
                | Self::MessageConsumedWithoutContext
                | Self::ExceptionRecordedTwice
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
