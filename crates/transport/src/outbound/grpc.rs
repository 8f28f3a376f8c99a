//! Sends over gRPC: unary calls on an HTTP/2 connection that is made anew when it breaks.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use throughline_model::Signal;
use throughline_pipeline::SettingsError;

use super::client::{Client, Outgoing, Receipt, SendError};
use super::endpoint::{self, Connections};
use super::receipt;
use super::settings::{Compression, OtlpGrpcSettings};

/// A client of the OTLP collector services.
#[derive(Debug)]
pub struct GrpcClient {
    connections: Connections,
    base: Uri,
    headers: HeaderMap,
    compression: Compression,
    timeout: Duration,
}

impl GrpcClient {
    /// A client; it connects with its first send.
    ///
    /// # Errors
    /// Settings that make no sense, or ask for TLS.
    pub fn new(settings: &OtlpGrpcSettings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let keepalive = &settings.keepalive;
        let connections = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .http2_only(true)
            .timer(TokioTimer::new())
            .http2_keep_alive_interval((!keepalive.time.is_zero()).then_some(keepalive.time))
            .http2_keep_alive_timeout(keepalive.timeout)
            .http2_keep_alive_while_idle(keepalive.permit_without_stream)
            .build(endpoint::connector());
        let mut headers = endpoint::headers(&settings.headers)?;
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if let Some(name) = settings.compression.name() {
            headers.insert("grpc-encoding", HeaderValue::from_static(name));
        }
        Ok(Self {
            connections,
            base: settings.base()?,
            headers,
            compression: settings.compression,
            timeout: settings.timeout,
        })
    }

    fn request(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, SendError> {
        let message = self.compression.compress(outgoing.body)?;
        let mut framed = BytesMut::with_capacity(5 + message.len());
        framed.put_u8(u8::from(self.compression != Compression::None));
        framed.put_u32(u32::try_from(message.len()).map_err(SendError::network)?);
        framed.put_slice(&message);
        let authority = self.base.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let uri = format!("http://{authority}{}", method(outgoing.signal));
        let mut request = Request::post(uri).body(Full::new(framed.freeze())).map_err(SendError::network)?;
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        if !self.timeout.is_zero() {
            let millis = format!("{}m", self.timeout.as_millis().clamp(1, 99_999_999));
            headers.insert("grpc-timeout", HeaderValue::from_str(&millis).map_err(SendError::network)?);
        }
        endpoint::name_tenant(headers, &outgoing.tenant);
        Ok(request)
    }

    async fn call(&self, outgoing: Outgoing) -> Result<Receipt, SendError> {
        let request = self.request(outgoing)?;
        let response = self.connections.request(request).await.map_err(|error| endpoint::explain(&error))?;
        let (head, body) = response.into_parts();
        if head.headers.contains_key("grpc-status") {
            // A call that fails at once is answered by headers alone.
            verdict(&head.headers)?;
        } else if !head.status.is_success() {
            return Err(by_http_status(head.status));
        }
        let (body, trailers) = endpoint::read_answer(body).await?;
        verdict(&trailers.unwrap_or(head.headers))?;
        Ok(body.get(5..).map(receipt::protobuf).unwrap_or_default())
    }
}

#[async_trait]
impl Client for GrpcClient {
    fn sends_json(&self) -> bool {
        false
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Receipt, SendError> {
        if self.timeout.is_zero() {
            return self.call(outgoing).await;
        }
        let call = tokio::time::timeout(self.timeout, self.call(outgoing));
        call.await.unwrap_or_else(|_| Err(SendError::timeout(self.timeout)))
    }
}

fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// What a call's status means.
fn verdict(headers: &HeaderMap) -> Result<(), SendError> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let Some(code) = text("grpc-status").and_then(|code| code.parse::<u32>().ok()) else {
        return Err(SendError::network("the call ended without a status"));
    };
    if code == 0 {
        return Ok(());
    }
    let details = text("grpc-status-details-bin").and_then(|details| {
        STANDARD_NO_PAD.decode(details.trim_end_matches('=')).or(STANDARD.decode(&*details)).ok()
    });
    let retry_after = details.and_then(|details| receipt::retry_delay(&details));
    let (name, retryable) = status(code);
    Err(SendError {
        message: format!("{name}: {}", percent_decode(&text("grpc-message").unwrap_or_default())),
        reason: name,
        // A destination that is out of resources and names no delay means the request is too much.
        retryable: if code == 8 { retry_after.is_some() } else { retryable },
        retry_after,
    })
}

/// The name of a status code, and whether OTLP allows to try again.
fn status(code: u32) -> (&'static str, bool) {
    match code {
        1 => ("cancelled", true),
        3 => ("invalid_argument", false),
        4 => ("deadline_exceeded", true),
        5 => ("not_found", false),
        6 => ("already_exists", false),
        7 => ("permission_denied", false),
        8 => ("resource_exhausted", false),
        9 => ("failed_precondition", false),
        10 => ("aborted", true),
        11 => ("out_of_range", true),
        12 => ("unimplemented", false),
        13 => ("internal", false),
        14 => ("unavailable", true),
        15 => ("data_loss", true),
        16 => ("unauthenticated", false),
        _ => ("unknown", false),
    }
}

/// Something between us and the destination answered; gRPC says how to read it.
fn by_http_status(http: http::StatusCode) -> SendError {
    let retryable = matches!(http.as_u16(), 429 | 502 | 503 | 504);
    SendError {
        message: format!("HTTP {http} without a gRPC status"),
        reason: "http",
        retryable,
        retry_after: None,
    }
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let mut ahead = bytes.clone();
        match (byte, ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(&'static str, &'static str)]) -> Result<(), SendError> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
        verdict(&headers.collect())
    }

    #[test]
    fn only_the_codes_of_the_specification_are_tried_again() {
        let retryable: Vec<u32> = (1..=17).filter(|code| status(*code).1).collect();
        assert_eq!(retryable, [1, 4, 10, 11, 14, 15]);
    }

    #[test]
    fn resource_exhausted_is_tried_again_only_with_retry_info() {
        assert!(!judged(&[("grpc-status", "8")]).unwrap_err().retryable);
        // Status{details: [Any{"type.googleapis.com/google.rpc.RetryInfo", RetryInfo{2s}}]}
        let details = "GjAKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5SZXRyeUluZm8SBAoCCAI=";
        let error = judged(&[("grpc-status", "8"), ("grpc-status-details-bin", details)]).unwrap_err();
        assert_eq!((error.retryable, error.retry_after), (true, Some(Duration::from_secs(2))));
    }

    #[test]
    fn the_message_is_readable() {
        let error = judged(&[("grpc-status", "3"), ("grpc-message", "bad%20span%25 %zz")]).unwrap_err();
        assert_eq!(error.message, "invalid_argument: bad span% %zz");
        assert!(judged(&[]).unwrap_err().retryable, "a call cut short may be tried again");
    }

    #[test]
    fn tls_is_refused_clearly_and_plain_must_be_asked_for() {
        let error = |endpoint: &str, insecure: bool| {
            let mut settings = OtlpGrpcSettings { endpoint: endpoint.into(), ..OtlpGrpcSettings::default() };
            settings.tls.insecure = insecure;
            settings.base().err().map(|error| error.key)
        };
        assert_eq!(error("tempo:4317", true), None);
        assert_eq!(error("http://tempo:4317", false), None);
        assert_eq!(error("tempo:4317", false), Some("tls.insecure"));
        assert_eq!(error("https://tempo:4317", true), Some("endpoint"));
        assert_eq!(error("", true), Some("endpoint"));
    }
}
