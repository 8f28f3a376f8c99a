//! What proxies say about the request as it was before them: `Forwarded` (RFC 7239), or the
//! `X-Forwarded-*` headers that are older.

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The original request, as far as a proxy tells. The first proxy counts: it saw the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Original<'a> {
    /// The address of the client, without its port.
    pub(super) client: Option<&'a str>,
    /// The host that the client asked, perhaps with a port.
    pub(super) host: Option<&'a str>,
    /// `http` or `https`; anything else is not believed.
    pub(super) scheme: Option<&'static str>,
}

impl<'a> Original<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        if let Some(first) = first(headers, &FORWARDED) {
            return Self::read(first);
        }
        Self {
            client: first(headers, &X_FORWARDED_FOR).map(without_port),
            host: first(headers, &X_FORWARDED_HOST),
            scheme: first(headers, &X_FORWARDED_PROTO).and_then(known_scheme),
        }
    }

    fn read(element: &'a str) -> Self {
        let mut original = Self::default();
        for (key, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
            let (key, value) = (key.trim(), value.trim().trim_matches('"'));
            if key.eq_ignore_ascii_case("for") {
                original.client = Some(without_port(value));
            } else if key.eq_ignore_ascii_case("host") {
                original.host = Some(value);
            } else if key.eq_ignore_ascii_case("proto") {
                original.scheme = known_scheme(value);
            }
        }
        original
    }
}

/// The first element of a list in a header.
fn first<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let list = headers.get(name)?.to_str().ok()?;
    list.split(',').next().map(str::trim).filter(|element| !element.is_empty())
}

fn known_scheme(text: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|known| text.eq_ignore_ascii_case(known))
}

/// An address of IPv6 has brackets when it has a port.
fn without_port(address: &str) -> &str {
    if let Some(inside) = address.strip_prefix('[') {
        return inside.split(']').next().unwrap_or(inside);
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        name: &'static str,
        value: &str,
        client: Option<&str>,
        host: Option<&str>,
        scheme: Option<&str>,
    ) {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
        let original = Original::of(&headers);
        assert_eq!((original.client, original.host, original.scheme), (client, host, scheme), "{value}");
    }

    #[test]
    fn reads_what_the_first_proxy_saw() {
        let all = "proto=https;for=192.0.2.60:4711;by=203.0.113.43;host=shop.example:8443, for=10.0.0.1";
        check("forwarded", all, Some("192.0.2.60"), Some("shop.example:8443"), Some("https"));
        check("forwarded", "For=\"[2001:db8::1]:4711\"", Some("2001:db8::1"), None, None);
        check("forwarded", "for=unknown;proto=gopher", Some("unknown"), None, None);
        check("x-forwarded-for", "203.0.113.9, 10.0.0.1", Some("203.0.113.9"), None, None);
        check("x-forwarded-for", "2001:db8::1", Some("2001:db8::1"), None, None);
        check("x-forwarded-host", "shop.example", None, Some("shop.example"), None);
        check("x-forwarded-proto", "HTTPS", None, None, Some("https"));
        check("x-forwarded-for", "", None, None, None);
    }
}
