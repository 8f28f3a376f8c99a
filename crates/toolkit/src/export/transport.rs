//! One attempt to hand a request to the collector, over OTLP/HTTP or gRPC.

mod answer;
mod body;

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::retry::Attempt;
use super::tls;
use crate::error::Reason;
use crate::settings::{Compression, OtlpSettings, Protocol, Signal};

const AGENT: &str = concat!("throughline-toolkit/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust");

/// A connection to the collector for one signal.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    settings: OtlpSettings,
    signal: Signal,
}

impl Transport {
    pub(super) fn new(settings: OtlpSettings, signal: Signal) -> Result<Self, Reason> {
        let secure = settings.url.scheme_str() == Some("https");
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(settings.timeout));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls::config(&settings.tls, secure)?).https_or_http();
        let grpc = settings.protocol == Protocol::Grpc;
        let connector = if grpc {
            connector.enable_http2().wrap_connector(http)
        } else {
            connector.enable_http1().wrap_connector(http)
        };
        let client = Client::builder(TokioExecutor::new()).http2_only(grpc).build(connector);
        Ok(Self { client, settings, signal })
    }

    /// The protobuf request in the form that is sent, to be reused between attempts.
    pub(super) fn prepare(&self, request: Vec<u8>) -> Result<Bytes, String> {
        let settings = &self.settings;
        match settings.protocol {
            Protocol::Grpc => body::grpc_frame(&request, settings.compression),
            Protocol::HttpProtobuf => body::compressed(request, settings.compression),
            Protocol::HttpJson => body::compressed(body::json(self.signal, &request)?, settings.compression),
        }
        .map(Bytes::from)
    }

    /// Sends once, giving up after `limit` or the configured timeout, whichever is shorter.
    pub(super) async fn attempt(&self, body: Bytes, limit: Duration) -> Attempt {
        let limit = limit.min(self.settings.timeout);
        match tokio::time::timeout(limit, self.send(body, limit)).await {
            Ok(attempt) => attempt,
            Err(_) => Attempt::Retryable {
                why: format!("no answer within {limit:?}"),
                after: None,
                unreachable: false,
            },
        }
    }

    async fn send(&self, body: Bytes, limit: Duration) -> Attempt {
        let grpc = self.settings.protocol == Protocol::Grpc;
        let request = match self.request(body, limit) {
            Ok(request) => request,
            Err(fault) => return Attempt::Refused { why: fault.to_string() },
        };
        match self.client.request(request).await {
            Ok(response) if grpc => answer::grpc(response).await,
            Ok(response) => answer::http(response).await,
            Err(fault) => {
                Attempt::Retryable { unreachable: fault.is_connect(), why: chain(&fault), after: None }
            }
        }
    }

    fn request(&self, body: Bytes, limit: Duration) -> Result<Request<Full<Bytes>>, http::Error> {
        let settings = &self.settings;
        let content_type = match settings.protocol {
            Protocol::Grpc => "application/grpc",
            Protocol::HttpProtobuf => "application/x-protobuf",
            Protocol::HttpJson => "application/json",
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(settings.url.clone())
            .header(CONTENT_TYPE, content_type)
            .header(USER_AGENT, AGENT)
            .body(Full::new(body))?;
        let headers = request.headers_mut();
        let encoding = match settings.compression {
            Compression::None => None,
            Compression::Gzip => Some(HeaderValue::from_static("gzip")),
            Compression::Zstd => Some(HeaderValue::from_static("zstd")),
        };
        if settings.protocol == Protocol::Grpc {
            *request.version_mut() = http::Version::HTTP_2;
            let headers = request.headers_mut();
            headers.insert("te", HeaderValue::from_static("trailers"));
            let millis = u32::try_from(limit.as_millis()).unwrap_or(99_999_999).min(99_999_999);
            headers.insert("grpc-timeout", HeaderValue::try_from(format!("{millis}m"))?);
            if let Some(encoding) = encoding {
                headers.insert("grpc-encoding", encoding);
            }
        } else if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, encoding);
        }
        for (name, value) in &settings.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// An export request as one line of OTLP JSON.
pub(super) fn to_json(signal: Signal, request: &[u8]) -> String {
    let mut line = match body::json(signal, request) {
        Ok(json) => String::from_utf8_lossy(&json).into_owned(),
        Err(fault) => format!("{{\"error\":\"{fault}\"}}"),
    };
    line.push('\n');
    line
}

fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(fault) = source {
        text.push_str(": ");
        text.push_str(&fault.to_string());
        source = fault.source();
    }
    text
}
