//! Reading the collector's answer.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use prost::Message;

use crate::export::retry::{self, Attempt};

/// No honest answer is longer.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The answer of any of the three services: they differ in names only.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_any::Any>,
}

mod prost_any {
    /// `google.protobuf.Any`.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Any {
        #[prost(string, tag = "1")]
        pub(super) type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) value: Vec<u8>,
    }
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

pub(super) async fn http(response: Response<Incoming>) -> Attempt {
    let (head, body) = response.into_parts();
    let is_json =
        head.headers.get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
    let after = head.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
    let after = after.map(Duration::from_secs);
    let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(fault) if head.status.is_success() => {
            return Attempt::Retryable {
                why: format!("the answer broke off: {fault}"),
                after: None,
                unreachable: false,
            };
        }
        Err(_) => Bytes::new(),
    };
    if head.status.is_success() {
        let partial = if is_json { json_partial(&body) } else { partial(&body) };
        return accepted(partial);
    }
    let why = if is_json { json_message(&body) } else { Status::decode(body).ok().map(|s| s.message) };
    let why = why.filter(|m| !m.is_empty()).map_or_else(String::new, |m| format!(": {m}"));
    retry::http(head.status.as_u16(), format!("HTTP {}{why}", head.status), after)
}

fn partial(body: &[u8]) -> Option<PartialSuccess> {
    ExportResponse::decode(body).ok()?.partial_success
}

fn json_partial(body: &[u8]) -> Option<PartialSuccess> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let partial = value.get("partialSuccess")?.as_object()?;
    let number = |v: &serde_json::Value| v.as_i64().or_else(|| v.as_str()?.parse().ok());
    let rejected = partial.iter().find(|(k, _)| k.starts_with("rejected"));
    Some(PartialSuccess {
        rejected: rejected.and_then(|(_, v)| number(v)).unwrap_or(0),
        error_message: partial.get("errorMessage").and_then(|v| v.as_str()).unwrap_or("").to_owned(),
    })
}

fn json_message(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(value.get("message")?.as_str()?.to_owned())
}

fn accepted(partial: Option<PartialSuccess>) -> Attempt {
    let partial = partial.unwrap_or_default();
    let rejected = u64::try_from(partial.rejected).unwrap_or(0);
    Attempt::Accepted { rejected, message: partial.error_message }
}

pub(super) async fn grpc(response: Response<Incoming>) -> Attempt {
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        return retry::http(head.status.as_u16(), format!("HTTP {}", head.status), None);
    }
    if head.headers.contains_key("grpc-status") {
        return grpc_status(&head.headers, &[]);
    }
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned().unwrap_or_default();
            grpc_status(&trailers, &collected.to_bytes())
        }
        Err(fault) => Attempt::Retryable {
            why: format!("the answer broke off: {fault}"),
            after: None,
            unreachable: false,
        },
    }
}

fn grpc_status(trailers: &HeaderMap, frame: &[u8]) -> Attempt {
    let text = |name: &str| trailers.get(name).and_then(|v| v.to_str().ok());
    match text("grpc-status").and_then(|code| code.parse::<u32>().ok()) {
        // Answers are never compressed: nothing was offered.
        Some(0) => accepted(frame.get(5..).and_then(partial)),
        Some(code) => {
            let why = format!("gRPC status {code}: {}", text("grpc-message").unwrap_or(""));
            retry::grpc(code, why, text("grpc-status-details-bin").and_then(retry_delay))
        }
        None => Attempt::Retryable {
            why: "the answer carries no gRPC status".to_owned(),
            after: None,
            unreachable: false,
        },
    }
}

fn retry_delay(details: &str) -> Option<Duration> {
    let bytes = BASE64_STANDARD_NO_PAD.decode(details.trim_end_matches('=')).ok()?;
    let status = Status::decode(bytes.as_slice()).ok()?;
    let info = status.details.iter().find(|d| d.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    let seconds = u64::try_from(delay.seconds).ok()?;
    Some(Duration::new(seconds, u32::try_from(delay.nanos).ok()?.min(999_999_999)))
}
