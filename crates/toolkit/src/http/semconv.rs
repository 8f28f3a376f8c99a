//! Values of the HTTP conventions (semantic conventions 1.44).

use std::borrow::Cow;

use http::{Method, Uri, Version};

/// `http.request.method`: unknown methods become `_OTHER`, so that metrics stay small.
pub(crate) fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "CONNECT" => "CONNECT",
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        "QUERY" => "QUERY",
        "TRACE" => "TRACE",
        _ => "_OTHER",
    }
}

/// The first part of a span's name: the method, or `HTTP` when it is unknown.
pub(crate) fn name_of(method: &'static str) -> &'static str {
    if method == "_OTHER" { "HTTP" } else { method }
}

/// `network.protocol.version`.
pub(crate) fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Query parameters whose values are signatures: the conventions ask to hide them.
///
/// The first two were on the list of earlier versions.
const SECRET_PARAMETERS: &[&str] = &[
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "sig",
    "X-Goog-Signature",
];

/// A query string with the values of signature parameters replaced.
pub(crate) fn redacted_query(query: &str) -> Cow<'_, str> {
    let secret = |pair: &str| {
        let key = pair.split_once('=').map(|(key, _)| key);
        key.filter(|key| SECRET_PARAMETERS.contains(key)).map(|key| format!("{key}=REDACTED"))
    };
    if !query.split('&').any(|pair| secret(pair).is_some()) {
        return Cow::Borrowed(query);
    }
    let pairs = query.split('&').map(|pair| secret(pair).unwrap_or_else(|| pair.to_owned()));
    Cow::Owned(pairs.collect::<Vec<_>>().join("&"))
}

/// The host and port of a `Host` header or authority; the port defaults by scheme.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<i64>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let bracket = authority.rfind(']');
    match authority.rfind(':') {
        Some(colon) if bracket.is_none_or(|b| colon > b) => {
            let (host, port) = authority.split_at(colon);
            (host, port.get(1..).and_then(|p| p.parse().ok()))
        }
        _ => (authority, None),
    }
}

/// `url.scheme` of a request to this server.
pub(crate) fn scheme(uri: &Uri) -> &'static str {
    match uri.scheme_str() {
        Some("https") => "https",
        _ => "http",
    }
}

/// `error.type` for a status code; the common ones without an allocation.
pub(crate) fn status_text(status: u16) -> Cow<'static, str> {
    Cow::Borrowed(match status {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        409 => "409",
        422 => "422",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        other => return Cow::Owned(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_signatures_in_queries() {
        assert_eq!(
            redacted_query("a=1&sig=abc&b=2&X-Goog-Signature=z"),
            "a=1&sig=REDACTED&b=2&X-Goog-Signature=REDACTED"
        );
        assert!(matches!(redacted_query("a=1&signature=x"), Cow::Borrowed(_)));
    }

    #[test]
    fn splits_hosts_of_every_kind() {
        assert_eq!(host_and_port("example.com:8080"), ("example.com", Some(8080)));
        assert_eq!(host_and_port("example.com"), ("example.com", None));
        assert_eq!(host_and_port("[::1]:80"), ("[::1]", Some(80)));
        assert_eq!(host_and_port("[::1]"), ("[::1]", None));
        assert_eq!(host_and_port("user:secret@h:1"), ("h", Some(1)));
    }
}
