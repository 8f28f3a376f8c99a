//! Tempo's HTTP API, as Grafana's Tempo data source and Tempo's own clients call it.

mod error;
mod metrics;
mod request;
mod response;
mod search;
mod tags;
mod trace;

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Shared;

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/echo", get(|| async { "echo" }))
        .route("/ready", get(ready))
        .route("/api/status/buildinfo", get(buildinfo))
        .route("/status/version", get(version))
        .route("/api/traces/{id}", get(trace::v1))
        .route("/api/v2/traces/{id}", get(trace::v2))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::names_v1))
        .route("/api/v2/search/tags", get(tags::names_v2))
        // A tag's name may hold slashes.
        .route("/api/search/tag/{*rest}", get(tags::values_v1))
        .route("/api/v2/search/tag/{*rest}", get(tags::values_v2))
        .route("/api/metrics/query_range", get(metrics::query_range))
        .route("/api/metrics/query", get(metrics::query_instant))
        .with_state(shared)
}

async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.status.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn version(State(shared): State<Arc<Shared>>) -> String {
    format!("throughline, version {}\n", shared.status.status().version)
}

async fn buildinfo(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({
        "version": shared.status.status().version, "revision": "", "branch": "", "buildDate": "", "buildUser": "",
        "goVersion": "",
    }))
}
