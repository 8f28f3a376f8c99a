//! The API gateway: forwards requests to the service that owns the path.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, post};
use http::{HeaderMap, HeaderName, StatusCode};
use throughline_toolkit::http::client::TracedClient;

use crate::config::Config;
use crate::error::{ApiError, observed};
use crate::server::BODY_MAX;

struct Upstream {
    name: &'static str,
    url: String,
    client: TracedClient,
}

/// Headers that belong to one connection, or that the client sets itself.
const NOT_FORWARDED: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "traceparent",
    "tracestate",
    "baggage",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(crate) fn routes(config: &Config, client: TracedClient) -> Router {
    let upstream = |name, url: &str| {
        let url = url.trim_end_matches('/').to_owned();
        Arc::new(Upstream { name, url, client: client.clone() })
    };
    let users = Router::new()
        .route("/api/v1/users", any(forward))
        .route("/api/v1/users/{id}", any(forward))
        .with_state(upstream("user-service", &config.user_service_url));
    let auth = Router::new()
        .route("/api/v1/auth/register", post(forward))
        .route("/api/v1/auth/login", post(forward))
        .route("/api/v1/auth/refresh", post(forward))
        .route("/api/v1/auth/logout", post(forward))
        .route("/api/v1/auth/me", axum::routing::get(forward))
        .with_state(upstream("auth-service", &config.auth_service_url));
    users.merge(auth).fallback(|| async { ApiError::not_found("no such path") })
}

async fn forward(State(upstream): State<Arc<Upstream>>, request: Request) -> Result<Response, ApiError> {
    observed(send(&upstream, request).await)
}

async fn send(upstream: &Upstream, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let url = format!("{}{path}", upstream.url);
    let sent = upstream.client.request(parts.method, url).headers(forwarded(&parts.headers)).body(body);
    let answer = sent.send().await.map_err(|error| ApiError::from_call(upstream.name, error))?;
    let status = answer.status();
    let headers = forwarded(answer.headers());
    let body = answer.bytes().await.map_err(|error| ApiError::from_call(upstream.name, error))?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let too_large =
        |_| ApiError::Client(StatusCode::PAYLOAD_TOO_LARGE, format!("a body has at most {BODY_MAX} bytes"));
    axum::body::to_bytes(body, BODY_MAX).await.map_err(too_large)
}

fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let kept = |(name, _): &(&HeaderName, _)| !NOT_FORWARDED.contains(&name.as_str());
    headers.iter().filter(kept).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_context_is_replaced_not_copied() {
        let mut headers = HeaderMap::new();
        for name in ["traceparent", "tracestate", "host", "authorization", "x-request-id"] {
            headers.insert(name, "x".parse().unwrap());
        }
        let kept = forwarded(&headers);
        let mut names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "x-request-id"]);
    }
}
