//! The service that the W3C trace-context harness drives: it posts to each address it is told,
//! carrying the context it was called with. See "Conformance" in the crate's README.
//!
//! `cargo run -p throughline-toolkit --example w3c_trace_context_service -- 127.0.0.1:5000`

use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use throughline_toolkit as toolkit;
use toolkit::RecordError;
use toolkit::http::client::TracedClient;
use toolkit::http::server::TraceLayer;

/// One request to make: `{"url": ..., "arguments": [...]}`.
#[derive(Debug, Deserialize)]
struct Call {
    url: String,
    arguments: serde_json::Value,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = toolkit::init("w3c-trace-context")?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    let app = Router::new()
        .route("/test", post(test))
        .layer(TraceLayer::new())
        .with_state(TracedClient::new(reqwest::Client::new()));
    let listener = tokio::net::TcpListener::bind(&address).await?;
    tracing::info!(%address, "ready");
    axum::serve(listener, app).with_graceful_shutdown(toolkit::shutdown_signal()).await?;
    telemetry.shutdown(Duration::from_secs(2)).await.log();
    Ok(())
}

async fn test(State(client): State<TracedClient>, Json(calls): Json<Vec<Call>>) -> &'static str {
    for call in calls {
        // The harness looks at what arrived, not at our answer.
        drop(client.post(&call.url).json(&call.arguments).send().await.record_error());
    }
    "done"
}
