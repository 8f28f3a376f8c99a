//! Answers to export requests that were refused: `google.rpc.Status`.

use std::time::Duration;

use throughline_model::attr_json::write_string;

use super::response::shorten;
use super::{DecodeError, Encoding};
use crate::protobuf::Writer;

/// Numbers of gRPC's status codes, as far as receivers answer with them.
pub mod code {
    /// The request is bad; sending it again will not help.
    pub const INVALID_ARGUMENT: i32 = 3;
    /// What was asked for does not exist.
    pub const NOT_FOUND: i32 = 5;
    /// Not allowed.
    pub const PERMISSION_DENIED: i32 = 7;
    /// Too large, or a quota; retryable only with a delay beside it.
    pub const RESOURCE_EXHAUSTED: i32 = 8;
    /// No such method.
    pub const UNIMPLEMENTED: i32 = 12;
    /// A fault of the server; not retryable in OTLP.
    pub const INTERNAL: i32 = 13;
    /// Try again, after the delay where there is one.
    pub const UNAVAILABLE: i32 = 14;
    /// Who is asking?
    pub const UNAUTHENTICATED: i32 = 16;
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// A refusal: gRPC's `grpc-status-details-bin`, and the body of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// gRPC's number of the status ([`code`]).
    pub code: i32,
    /// What is wrong, in English.
    pub message: String,
    /// When to try again; makes `UNAVAILABLE` a throttle and `RESOURCE_EXHAUSTED` retryable.
    pub retry_after: Option<Duration>,
    /// The fields that are wrong, each with what is wrong about it.
    pub violations: Vec<(String, String)>,
}

impl Status {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, violations: Vec::new() }
    }

    /// The body in an encoding.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Protobuf => self.protobuf(),
            Encoding::Json => self.json().into_bytes(),
        }
    }

    fn protobuf(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.int32_nonzero(1, self.code);
        writer.string_nonempty(2, shorten(&self.message));
        if let Some(delay) = self.retry_after {
            let mut info = Writer::default();
            let duration = info.open(1);
            info.varint_nonzero(1, delay.as_secs());
            info.varint_nonzero(2, delay.subsec_nanos().into());
            info.close(duration);
            any(&mut writer, RETRY_INFO, info.as_bytes());
        }
        if !self.violations.is_empty() {
            let mut request = Writer::default();
            for (field, description) in &self.violations {
                let violation = request.open(1);
                request.string_nonempty(1, field);
                request.string_nonempty(2, description);
                request.close(violation);
            }
            any(&mut writer, BAD_REQUEST, request.as_bytes());
        }
        writer.into_bytes()
    }

    fn json(&self) -> String {
        let mut text = format!("{{\"code\":{},\"message\":", self.code);
        write_string(&mut text, shorten(&self.message));
        let mut details = Vec::new();
        if let Some(delay) = self.retry_after {
            details.push(format!("{{\"@type\":\"{RETRY_INFO}\",\"retryDelay\":\"{}\"}}", seconds(delay)));
        }
        if !self.violations.is_empty() {
            let mut detail = format!("{{\"@type\":\"{BAD_REQUEST}\",\"fieldViolations\":[");
            for (i, (field, description)) in self.violations.iter().enumerate() {
                detail.push_str(if i > 0 { ",{\"field\":" } else { "{\"field\":" });
                write_string(&mut detail, field);
                detail.push_str(",\"description\":");
                write_string(&mut detail, description);
                detail.push('}');
            }
            detail.push_str("]}");
            details.push(detail);
        }
        if !details.is_empty() {
            text.push_str(&format!(",\"details\":[{}]", details.join(",")));
        }
        text.push('}');
        text
    }
}

/// The body of a refusal that may be tried again after a delay.
#[must_use]
pub fn status(encoding: Encoding, code: i32, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    Status { retry_after, ..Status::new(code, message) }.encode(encoding)
}

impl From<&DecodeError> for Status {
    fn from(error: &DecodeError) -> Self {
        let code = match error.kind() {
            super::DecodeErrorKind::Invalid => code::INVALID_ARGUMENT,
            super::DecodeErrorKind::TooLarge => code::RESOURCE_EXHAUSTED,
            super::DecodeErrorKind::Internal => code::INTERNAL,
        };
        let violation = error.field().map(|field| (field.to_owned(), error.to_string()));
        Self { violations: violation.into_iter().collect(), ..Self::new(code, error.to_string()) }
    }
}

fn any(writer: &mut Writer, type_url: &str, value: &[u8]) {
    let detail = writer.open(3);
    writer.string(1, type_url);
    writer.bytes(2, value);
    writer.close(detail);
}

/// `protojson` of a duration: seconds with as many digits as needed, then `s`.
fn seconds(delay: Duration) -> String {
    let nanos = delay.subsec_nanos();
    if nanos == 0 {
        return format!("{}s", delay.as_secs());
    }
    let fraction = format!("{nanos:09}");
    format!("{}.{}s", delay.as_secs(), fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests;
