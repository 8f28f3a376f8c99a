//! Lets web pages of allowed origins send telemetry (the CORS protocol of the Fetch standard).

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use throughline_pipeline::SettingsError;

/// `cors` of an HTTP receiver, as in the Collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsSettings {
    /// Origins that may send; each may hold one `*` for any text, and `*` alone is every origin.
    pub allowed_origins: Vec<String>,
    /// Headers that they may set beside those that are always allowed; `*` is every header.
    pub allowed_headers: Vec<String>,
    /// Headers of answers that they may read beside `Retry-After`.
    pub exposed_headers: Vec<String>,
    /// Seconds that a browser may remember the permission; 0 leaves it to the browser.
    pub max_age: u32,
}

impl Default for CorsSettings {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            allowed_headers: Vec::new(),
            exposed_headers: Vec::new(),
            max_age: 7200,
        }
    }
}

/// Allowed without being named: what OTLP senders and trace propagation set.
const HEADERS: [&str; 10] = [
    "accept",
    "content-type",
    "content-encoding",
    "user-agent",
    "x-requested-with",
    "x-scope-orgid",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
];

impl CorsSettings {
    /// Pages served from this machine, on any port.
    #[must_use]
    pub fn this_machine() -> Self {
        let origins = [
            "http://localhost",
            "http://localhost:*",
            "http://127.0.0.1:*",
            "http://[::1]:*",
            "https://localhost:*",
        ];
        Self { allowed_origins: origins.map(str::to_owned).to_vec(), ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        if self.allowed_origins.iter().any(|origin| origin.matches('*').count() > 1) {
            return Err(SettingsError::new(
                "protocols.http.cors.allowed_origins",
                "an origin may hold one * at most",
            ));
        }
        Ok(())
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| match allowed.split_once('*') {
            Some((start, end)) => {
                origin.len() >= start.len() + end.len()
                    && starts_with_ignore_case(origin, start)
                    && ends_with_ignore_case(origin, end)
            }
            None => allowed.eq_ignore_ascii_case(origin),
        })
    }

    fn allows_header(&self, name: &str) -> bool {
        HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name))
            || self.allowed_headers.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(name))
    }

    /// The answer to a preflight request, or `None` when the request is none.
    pub(super) fn preflight<B, R: Default>(&self, request: &Request<B>) -> Option<Response<R>> {
        let headers = request.headers();
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method() != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(R::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let vary = "origin, access-control-request-method, access-control-request-headers";
        response.headers_mut().insert(header::VARY, HeaderValue::from_static(vary));
        let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let names = wanted.and_then(|names| names.to_str().ok()).unwrap_or_default();
        let mut names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        if asked != Method::POST.as_str() || !names.all(|name| self.allows_header(name)) {
            return Some(response);
        }
        if self.allow_origin(headers, response.headers_mut()) {
            let answer = response.headers_mut();
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
            if let Some(wanted) = wanted {
                answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            if self.max_age > 0 {
                answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
            }
        }
        Some(response)
    }

    /// Adds what a browser needs to hand an answer, also of a failure, to the page.
    pub(super) fn decorate(&self, request: &HeaderMap, response: &mut HeaderMap) {
        response.append(header::VARY, HeaderValue::from_static("origin"));
        if self.allow_origin(request, response) {
            let mut exposed = "retry-after".to_owned();
            for name in &self.exposed_headers {
                exposed.push(',');
                exposed.push_str(name);
            }
            if let Ok(exposed) = HeaderValue::from_str(&exposed) {
                response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            }
        }
    }

    fn allow_origin(&self, request: &HeaderMap, response: &mut HeaderMap) -> bool {
        let Some(origin) = request.get(header::ORIGIN) else {
            return false;
        };
        let allowed = origin.to_str().is_ok_and(|origin| self.allows_origin(origin));
        if allowed {
            let everyone = self.allowed_origins.iter().any(|allowed| allowed == "*");
            let answer = if everyone { HeaderValue::from_static("*") } else { origin.clone() };
            response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, answer);
        }
        allowed
    }
}

fn starts_with_ignore_case(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

fn ends_with_ignore_case(text: &str, end: &str) -> bool {
    let from = text.len().saturating_sub(end.len());
    text.as_bytes().get(from..).is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_exactly_or_by_one_star_whatever_the_case() {
        let cors = CorsSettings {
            allowed_origins: vec!["https://*.shop.example".into(), "http://a.example".into()],
            ..CorsSettings::default()
        };
        for (origin, allowed) in [
            ("https://www.shop.example", true),
            ("HTTPS://www.Shop.example", true),
            ("http://a.example", true),
            ("http://a.example.evil", false),
            ("https://shop.example", false),
            ("http://www.shop.example", false),
            ("null", false),
        ] {
            assert_eq!(cors.allows_origin(origin), allowed, "{origin}");
        }
    }

    #[test]
    fn a_preflight_for_another_method_or_header_gets_no_permission() {
        let cors = CorsSettings::this_machine();
        let ask = |method: &str, headers: &str| {
            let request = Request::options("/v1/traces")
                .header("origin", "http://localhost:5173")
                .header("access-control-request-method", method)
                .header("access-control-request-headers", headers)
                .body(())
                .unwrap();
            let response: Response<()> = cors.preflight(&request).unwrap();
            response.headers().contains_key("access-control-allow-origin")
        };
        assert!(ask("POST", "content-type, traceparent"));
        assert!(!ask("PUT", "content-type"));
        assert!(!ask("POST", "x-secret"));
    }
}
