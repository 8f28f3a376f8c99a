//! The rules that a finished span tells by itself, wherever it is kept.

use std::fmt;
use std::time::Duration;

use super::{Rule, span_name, suspect};
use crate::SpanKind;

/// A finished span, as the rules see it.
pub(crate) trait Audited {
    fn name(&self) -> &str;
    fn kind(&self) -> SpanKind;
    fn is_error(&self) -> bool;
    fn duration(&self) -> Duration;
    /// Whether it has an attribute.
    fn has(&self, key: &str) -> bool;
    /// The value of an attribute that is a whole number.
    fn number(&self, key: &str) -> Option<i64>;
    /// Calls `f` with every text that may hold a secret, and its key.
    fn each_text(&self, f: &mut dyn FnMut(&str, &str));
}

/// Tells `breach` of each rule that the span violates, and how.
pub(crate) fn check(
    span: &impl Audited,
    open_limit: Duration,
    breach: &mut dyn FnMut(Rule, fmt::Arguments<'_>),
) {
    let status = span.number("http.response.status_code");
    if let Some(status) = status.filter(|status| *status >= 500)
        && !span.has("error.type")
    {
        breach(Rule::Http5xxWithoutErrorType, format_args!("status {status}"));
    } else if span.is_error() && !span.has("error.type") {
        breach(Rule::ErrorStatusWithoutErrorType, format_args!("its status is ERROR"));
    }
    let of_http = span.kind() == SpanKind::Server && span.has("http.request.method");
    if of_http && !span.has("http.route") && !matches!(status, Some(404 | 405)) {
        breach(Rule::ServerSpanWithoutRoute, format_args!("no http.route"));
    }
    if let Some(id) = span_name::identifier_in(span.name()) {
        breach(Rule::SpanNameWithId, format_args!("`{id}` looks like an identifier"));
    }
    if span.duration() > open_limit {
        breach(Rule::SpanOpenTooLong, format_args!("it took {:?}", span.duration()));
    }
    span.each_text(&mut |key, value| {
        if let Some(secret) = suspect(key, value) {
            breach(Rule::AttributeLooksLikeSecret, format_args!("`{key}` holds {secret}"));
        }
    });
}
