//! Our own API: what the web UI and the command line use.

mod error;
mod logs;
mod metrics;
mod parameters;
mod render;
mod search;
mod services;
mod trace;

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Shared;

pub(crate) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/traces/{id}", get(trace::trace))
        .route("/api/v1/traces/{id}/otlp", get(trace::download))
        .route("/api/v1/services", get(services::services))
        .route("/api/v1/operations", get(services::operations))
        .route("/api/v1/logs", get(logs::logs))
        .route("/api/v1/metrics", get(metrics::metrics))
        .route("/api/v1/status", get(status))
        .with_state(shared)
}

async fn status(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let status = shared.status.status();
    let receivers: Vec<Value> = status
        .receivers
        .iter()
        .map(|(name, address)| json!({"name": name, "address": address.to_string()}))
        .collect();
    let [spans, logs, points] = status.accepted;
    Json(json!({
        "version": status.version,
        "uptimeSeconds": status.uptime.as_secs(),
        "dataDir": status.data_dir,
        "receivers": receivers,
        "store": {
            "spans": status.spans, "logs": status.logs, "points": status.points, "bytes": status.bytes,
            "segments": status.segments, "oldestNs": status.oldest_ns.map(|ns| ns.to_string()),
        },
        "accepted": {"spans": spans, "logs": logs, "points": points},
    }))
}
