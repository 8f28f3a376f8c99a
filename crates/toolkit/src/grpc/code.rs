//! Status codes: where an answer has them, what they are called, which are errors.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tonic::{Code, Status};

/// The value of `rpc.response.status_code`.
pub(super) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Whether the server is to blame, as the conventions see it.
pub(super) fn is_error_of_server(code: Code) -> bool {
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    matches!(code, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
}

/// The status that headers or trailers carry: its code, and its message when it is not OK.
pub(super) fn in_headers(headers: &HeaderMap) -> Option<(Code, String)> {
    let status = headers.get("grpc-status")?;
    if status == "0" {
        return Some((Code::Ok, String::new()));
    }
    let status = Status::from_header_map(headers)?;
    Some((status.code(), status.message().to_owned()))
}

/// The code of an answer that ends without a status, as gRPC's protocol maps those of HTTP.
pub(super) fn of_http(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// How long the caller will wait: the `grpc-timeout` header.
pub(super) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (unit, digits) = (text.chars().next_back()?, text.get(..text.len().checked_sub(1)?)?);
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(count * 3600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    #[test]
    fn reads_the_status_and_its_message() {
        let failed = headers(&[("grpc-status", "5"), ("grpc-message", "no%20such%20account")]);
        assert_eq!(in_headers(&failed), Some((Code::NotFound, "no such account".to_owned())));
        assert_eq!(in_headers(&headers(&[("grpc-status", "0")])), Some((Code::Ok, String::new())));
        assert_eq!(in_headers(&headers(&[("grpc-status", "99")])).unwrap().0, Code::Unknown);
        assert_eq!(in_headers(&headers(&[])), None);
    }

    #[test]
    fn reads_the_time_limit() {
        for (text, limit) in [
            ("3H", Some(Duration::from_secs(10_800))),
            ("2M", Some(Duration::from_secs(120))),
            ("1S", Some(Duration::from_secs(1))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("82n", Some(Duration::from_nanos(82))),
            ("123456789S", None),
            ("S", None),
            ("-1S", None),
            ("1x", None),
            ("", None),
        ] {
            assert_eq!(timeout(&headers(&[("grpc-timeout", text)])), limit, "{text}");
        }
    }

    #[test]
    fn blames_the_server_for_six_codes() {
        let all = (0..17).map(Code::from_i32);
        let blamed: Vec<_> = all.filter(|c| is_error_of_server(*c)).map(name).collect();
        assert_eq!(
            blamed,
            ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
        );
    }
}
