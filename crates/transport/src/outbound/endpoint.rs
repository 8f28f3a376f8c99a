//! What both OTLP clients do alike: endpoints, headers, compression, connections.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use throughline_model::Tenant;
use throughline_pipeline::SettingsError;

use super::client::SendError;
use super::settings::{Compression, NO_TLS};

pub(super) type Connections = Client<HttpConnector, Full<Bytes>>;

/// Answers are small; a destination that sends more is not one.
const ANSWER_BYTES_MAX: usize = 4 << 20;

pub(super) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(Duration::from_secs(60)));
    connector
}

/// Checks a URL with its scheme.
pub(super) fn url(key: &'static str, text: &str) -> Result<Uri, SettingsError> {
    let wrong = |message: String| SettingsError::new(key, message);
    if text.starts_with("https://") {
        return Err(wrong(NO_TLS.to_owned()));
    }
    let uri: Uri = text.parse().map_err(|error| wrong(format!("{text:?} is no URL: {error}")))?;
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
        return Err(wrong(format!("{text:?} must be http://host:port")));
    }
    Ok(uri)
}

/// Checks headers once, so that sends cannot fail on them.
pub(super) fn headers(configured: &BTreeMap<String, String>) -> Result<HeaderMap, SettingsError> {
    let mut headers = HeaderMap::new();
    for (name, value) in configured {
        let wrong = |what: &str| SettingsError::new("headers", format!("{name:?} has {what}"));
        let parsed: HeaderName = name.parse().map_err(|_| wrong("characters that a name must not have"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong("a value with control characters"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// Names the tenant, unless it is the default one or a header is configured for it.
pub(super) fn name_tenant(headers: &mut HeaderMap, tenant: &Tenant) {
    const NAME: &str = "x-scope-orgid";
    if tenant.as_str() == Tenant::DEFAULT_NAME || headers.contains_key(NAME) {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(tenant.as_str()) {
        headers.insert(NAME, value);
    }
}

impl Compression {
    /// The name in headers.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::None => None,
        }
    }

    pub(super) fn compress(self, body: Bytes) -> Result<Bytes, SendError> {
        let compressed = match self {
            Self::None => return Ok(body),
            Self::Zstd => zstd::encode_all(&body[..], 1),
            Self::Gzip => {
                let mut encoder =
                    GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::fast());
                encoder.write_all(&body).and_then(|()| encoder.finish())
            }
        };
        compressed.map(Bytes::from).map_err(|error| SendError {
            message: format!("the body does not compress: {error}"),
            reason: "internal",
            retryable: false,
            retry_after: None,
        })
    }
}

/// Reads an answer and its trailers.
pub(super) async fn read_answer(body: Incoming) -> Result<(Bytes, Option<HeaderMap>), SendError> {
    let collected = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(SendError::network)?;
    let trailers = collected.trailers().cloned();
    Ok((collected.to_bytes(), trailers))
}

/// The whole chain of causes: the outermost alone says `client error (Connect)`.
pub(super) fn explain(error: &hyper_util::client::legacy::Error) -> SendError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        cause = inner.source();
    }
    SendError::network(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_need_a_scheme_and_a_host_and_no_tls() {
        assert!(url("endpoint", "http://a:4318/x").is_ok());
        for (text, message) in [
            ("https://a", "TLS"),
            ("a:4318", "http://host:port"),
            ("", "is no URL"),
            ("ftp://a", "http://host:port"),
        ] {
            let error = url("endpoint", text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn the_tenant_is_named_unless_default_or_configured() {
        let shop = Tenant::new("shop").unwrap();
        let mut given = headers(&BTreeMap::from([("X-Scope-OrgID".to_owned(), "fixed".to_owned())])).unwrap();
        name_tenant(&mut given, &shop);
        assert_eq!(given["x-scope-orgid"], "fixed");
        let mut none = HeaderMap::new();
        name_tenant(&mut none, &Tenant::default());
        assert!(none.is_empty());
        name_tenant(&mut none, &shop);
        assert_eq!(none["x-scope-orgid"], "shop");
    }

    #[test]
    fn headers_that_cannot_be_sent_are_refused_by_name() {
        let error = headers(&BTreeMap::from([("a b".to_owned(), "x".to_owned())])).unwrap_err();
        assert!(error.to_string().contains("a b"));
    }
}
