//! The words that each protocol has for a success or a fault (OTLP 1.11, and `google.rpc.Status`).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use throughline_model::Signal;
use throughline_pipeline::RefusalKind;
use throughline_wire::otlp::{self, Encoding, Status};

use super::fault::Fault;
use super::intake::Taken;

pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Longest message in a header.
const HEADER_MESSAGE_BYTES_MAX: usize = 1024;

const CANCELLED: i32 = 1;
const INVALID_ARGUMENT: i32 = 3;
const DEADLINE_EXCEEDED: i32 = 4;
const NOT_FOUND: i32 = 5;
const RESOURCE_EXHAUSTED: i32 = 8;
const UNIMPLEMENTED: i32 = 12;
const INTERNAL: i32 = 13;
const UNAVAILABLE: i32 = 14;

/// The body of a success.
pub(super) fn response(signal: Signal, encoding: Encoding, taken: &Taken) -> Vec<u8> {
    otlp::response(signal, encoding, taken.rejected, taken.message.as_deref())
}

/// The gRPC code of a fault.
fn code(fault: &Fault) -> i32 {
    match fault {
        Fault::Malformed { .. } | Fault::Tenant(_) => INVALID_ARGUMENT,
        // Without a delay beside it, a sender does not try this again.
        Fault::TooLarge { .. } | Fault::TooComplex(_) => RESOURCE_EXHAUSTED,
        Fault::MediaType(_) | Fault::Coding(_) | Fault::Method | Fault::NoRoute(_) | Fault::NoPipeline(_) => {
            UNIMPLEMENTED
        }
        Fault::Slow | Fault::Broken(_) => CANCELLED,
        Fault::Deadline => DEADLINE_EXCEEDED,
        Fault::Internal(_) => INTERNAL,
        Fault::Refused(refusal) => match refusal.kind {
            RefusalKind::Overloaded | RefusalKind::Unavailable => UNAVAILABLE,
            RefusalKind::Invalid => INVALID_ARGUMENT,
            RefusalKind::Internal => INTERNAL,
        },
    }
}

fn http_code(fault: &Fault) -> StatusCode {
    match fault {
        Fault::Malformed { .. } | Fault::Tenant(_) | Fault::Broken(_) => StatusCode::BAD_REQUEST,
        Fault::TooLarge { .. } | Fault::TooComplex(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::MediaType(_) | Fault::Coding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Fault::Method => StatusCode::METHOD_NOT_ALLOWED,
        Fault::NoRoute(_) | Fault::NoPipeline(_) => StatusCode::NOT_FOUND,
        Fault::Slow => StatusCode::REQUEST_TIMEOUT,
        Fault::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Fault::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Fault::Refused(refusal) => match refusal.kind {
            RefusalKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            RefusalKind::Invalid => StatusCode::BAD_REQUEST,
            RefusalKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

fn status(code: i32, fault: &Fault) -> Status {
    let mut status = Status::new(code, fault.to_string());
    match fault {
        Fault::Refused(refusal) if refusal.is_retryable() => status.retry_after = refusal.retry_after,
        Fault::Malformed { message, field } => {
            status.violations.push((field.clone().unwrap_or_else(|| "body".to_owned()), message.clone()));
        }
        Fault::Tenant(error) => status.violations.push(("X-Scope-OrgID".to_owned(), error.to_string())),
        _ => {}
    }
    status
}

/// The status and body of a fault over HTTP.
pub(super) fn http_status(encoding: Encoding, fault: &Fault) -> (StatusCode, Vec<u8>) {
    let code = match fault {
        Fault::NoRoute(_) | Fault::NoPipeline(_) => NOT_FOUND,
        Fault::MediaType(_) | Fault::Coding(_) => INVALID_ARGUMENT,
        _ => code(fault),
    };
    (http_code(fault), status(code, fault).encode(encoding))
}

/// Whole seconds, rounded up: a sender that comes back early is refused again.
pub(super) fn write_retry_after(delay: Option<Duration>, headers: &mut HeaderMap) {
    if let Some(delay) = delay {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
}

/// The headers of a call that failed.
pub(super) fn write_grpc_status(fault: &Fault, headers: &mut HeaderMap) {
    let status = status(code(fault), fault);
    headers.insert(GRPC_STATUS, HeaderValue::from(status.code));
    if let Ok(message) = HeaderValue::from_str(&percent_encode(&status.message)) {
        headers.insert("grpc-message", message);
    }
    if status.retry_after.is_some() || !status.violations.is_empty() {
        let mut status = status;
        for text in status.violations.iter_mut().map(|(_, text)| text).chain([&mut status.message]) {
            shorten(text);
        }
        let details = STANDARD_NO_PAD.encode(status.encode(Encoding::Protobuf));
        if let Ok(details) = HeaderValue::from_str(&details) {
            headers.insert("grpc-status-details-bin", details);
        }
    }
}

fn shorten(text: &mut String) {
    let mut end = text.len().min(HEADER_MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// The encoding that gRPC prescribes for messages.
fn percent_encode(message: &str) -> String {
    let mut encoded = String::new();
    for byte in message.bytes().take(HEADER_MESSAGE_BYTES_MAX) {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use throughline_pipeline::Refusal;

    use super::*;

    #[test]
    fn only_retryable_refusals_get_a_retryable_answer() {
        let delay = Duration::from_secs(1);
        let faults = [
            (Fault::Malformed { message: "x".into(), field: None }, 3, 400),
            (Fault::TooLarge { limit_bytes: 1 }, 8, 413),
            (Fault::NoPipeline("logs"), 12, 404),
            (Fault::Slow, 1, 408),
            (Fault::Deadline, 4, 504),
            (Refusal::overloaded("x", delay).into(), 14, 429),
            (Refusal::unavailable("x", delay).into(), 14, 503),
            (Refusal::invalid("x").into(), 3, 400),
            (Refusal::internal("x").into(), 13, 500),
        ];
        for (fault, grpc, http) in faults {
            assert_eq!((code(&fault), http_code(&fault).as_u16()), (grpc, http), "{fault:?}");
        }
    }

    #[test]
    fn delays_are_rounded_up_to_whole_seconds() {
        for (millis, expected) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")] {
            let mut headers = HeaderMap::new();
            write_retry_after(Some(Duration::from_millis(millis)), &mut headers);
            assert_eq!(headers[RETRY_AFTER], expected);
        }
    }

    #[test]
    fn messages_fit_into_a_header_whatever_they_hold() {
        let message = format!("100% wröng\n{}", "ü".repeat(5000));
        let mut headers = HeaderMap::new();
        write_grpc_status(&Fault::Malformed { message, field: None }, &mut headers);
        assert!(headers["grpc-message"].to_str().unwrap().starts_with("100%25 wr%C3%B6ng%0A"));
        assert!(headers["grpc-status-details-bin"].len() < 4096);
    }
}
