//! Sends over HTTP, protobuf or JSON.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use throughline_model::Signal;
use throughline_pipeline::SettingsError;

use super::client::{Client, Outgoing, Receipt, SendError};
use super::endpoint::{self, Connections};
use super::receipt;
use super::settings::{Compression, OtlpHttpSettings, PayloadEncoding};

/// A client of OTLP over HTTP.
#[derive(Debug)]
pub struct HttpClient {
    connections: Connections,
    traces: Option<Uri>,
    metrics: Option<Uri>,
    logs: Option<Uri>,
    headers: HeaderMap,
    compression: Compression,
    encoding: PayloadEncoding,
    timeout: Duration,
}

impl HttpClient {
    /// A client; it connects with its first send.
    ///
    /// # Errors
    /// Settings that make no sense, or ask for TLS.
    pub fn new(settings: &OtlpHttpSettings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let mut headers = endpoint::headers(&settings.headers)?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(settings.encoding)));
        if let Some(name) = settings.compression.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        let connections = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(endpoint::connector());
        Ok(Self {
            connections,
            traces: settings.url(Signal::Traces)?,
            metrics: settings.url(Signal::Metrics)?,
            logs: settings.url(Signal::Logs)?,
            headers,
            compression: settings.compression,
            encoding: settings.encoding,
            timeout: settings.timeout,
        })
    }

    fn request(&self, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, SendError> {
        let uri = match outgoing.signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        };
        let uri = uri.clone().ok_or_else(|| SendError {
            message: format!("no endpoint is set for {}", outgoing.signal),
            reason: "no_endpoint",
            retryable: false,
            retry_after: None,
        })?;
        let body = self.compression.compress(outgoing.body)?;
        let mut request = Request::post(uri).body(Full::new(body)).map_err(SendError::network)?;
        request.headers_mut().clone_from(&self.headers);
        endpoint::name_tenant(request.headers_mut(), &outgoing.tenant);
        Ok(request)
    }

    async fn post(&self, outgoing: Outgoing) -> Result<Receipt, SendError> {
        let request = self.request(outgoing)?;
        let response = self.connections.request(request).await.map_err(|error| endpoint::explain(&error))?;
        let (head, body) = response.into_parts();
        let (body, _) = endpoint::read_answer(body).await?;
        if head.status.is_success() {
            let json = head
                .headers
                .get(header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            return Ok(if json { receipt::json(&body) } else { receipt::protobuf(&body) });
        }
        let retryable = matches!(head.status.as_u16(), 429 | 502 | 503 | 504);
        Err(SendError {
            message: format!("HTTP {}: {}", head.status, excerpt(&body)),
            reason: reason(head.status.as_u16()),
            retryable,
            retry_after: if retryable { retry_after(&head.headers) } else { None },
        })
    }
}

#[async_trait]
impl Client for HttpClient {
    fn sends_json(&self) -> bool {
        self.encoding == PayloadEncoding::Json
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Receipt, SendError> {
        if self.timeout.is_zero() {
            return self.post(outgoing).await;
        }
        let post = tokio::time::timeout(self.timeout, self.post(outgoing));
        post.await.unwrap_or_else(|_| Err(SendError::timeout(self.timeout)))
    }
}

fn media_type(encoding: PayloadEncoding) -> &'static str {
    match encoding {
        PayloadEncoding::Proto => "application/x-protobuf",
        PayloadEncoding::Json => "application/json",
    }
}

/// The text in an answer, for people: a status's message, or the beginning of whatever came.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "bad_request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        413 => "too_large",
        415 => "unsupported_media_type",
        429 => "too_many_requests",
        500 => "internal_server_error",
        502 => "bad_gateway",
        503 => "service_unavailable",
        504 => "gateway_timeout",
        _ => "http",
    }
}

/// `Retry-After`: seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default().min(Duration::from_secs(86_400)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(yaml: &str) -> Result<HttpClient, SettingsError> {
        HttpClient::new(&serde_yaml_ng::from_str(yaml).unwrap())
    }

    #[test]
    fn paths_are_appended_to_the_base_and_a_signals_own_url_is_taken_whole() {
        let client = client("{endpoint: 'http://a:1/otlp/', logs_endpoint: 'http://b:2/push'}").unwrap();
        assert_eq!(client.traces.unwrap(), "http://a:1/otlp/v1/traces");
        assert_eq!(client.metrics.unwrap(), "http://a:1/otlp/v1/metrics");
        assert_eq!(client.logs.unwrap(), "http://b:2/push");
    }

    #[test]
    fn settings_that_cannot_work_are_refused_by_key() {
        for (yaml, key) in [
            ("{}", "endpoint"),
            ("{endpoint: 'https://a'}", "endpoint"),
            ("{traces_endpoint: 'a'}", "traces_endpoint"),
            ("{endpoint: 'http://a', auth: {authenticator: x}}", "auth"),
            ("{endpoint: 'http://a', tls: {ca_file: x}}", "tls.ca_file"),
            ("{endpoint: 'http://a', retry_on_failure: {multiplier: 0.5}}", "retry_on_failure.multiplier"),
        ] {
            assert_eq!(client(yaml).unwrap_err().key, key, "{yaml}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let read = |value: &str| {
            retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_str(value).unwrap())]))
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(read(&soon).unwrap() > Duration::from_secs(90));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}
