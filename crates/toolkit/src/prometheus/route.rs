//! `GET /metrics` on an axum router.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, StatusCode};

use super::PrometheusReader;
use crate::layer::TelemetryLayer;

/// A router with `GET /metrics`, to be merged into a service's own: the metrics of the telemetry
/// that is installed. Without one, or when it has Prometheus turned off, it answers 503.
pub fn route<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/metrics", get(answer_installed))
}

impl PrometheusReader {
    /// A router with `GET /metrics` of this telemetry, installed or not.
    pub fn route<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let reader = self.clone();
        Router::new().route("/metrics", get(move |headers: HeaderMap| async move { reader.answer(&headers) }))
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let (content_type, text) = self.render(accept);
        ([(CONTENT_TYPE, HeaderValue::from_static(content_type))], text).into_response()
    }
}

async fn answer_installed(headers: HeaderMap) -> Response {
    match TelemetryLayer::current().and_then(|core| core.prometheus.clone()) {
        Some(reader) => reader.answer(&headers),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no telemetry that Prometheus may read runs here\n")
            .into_response(),
    }
}
