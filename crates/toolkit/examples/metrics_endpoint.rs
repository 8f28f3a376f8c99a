//! A service that Prometheus can scrape: its own metrics, those of its requests, of the tokio
//! runtime and of the process, with exemplars.
//!
//! ```sh
//! cargo run -p throughline-toolkit --features prometheus,runtime,process --example metrics_endpoint
//! curl -d '' http://127.0.0.1:9464/v1/entries
//! curl -H 'Accept: application/openmetrics-text' http://127.0.0.1:9464/metrics
//! ```

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use opentelemetry::KeyValue;
use throughline_toolkit as toolkit;
use toolkit::http::server::TraceLayer;
use toolkit::prometheus;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = toolkit::init("ledger")?;
    // As libraries have it; `telemetry.meter("ledger")` is the same.
    let meter = opentelemetry::global::meter("ledger");
    let created = meter
        .u64_counter("ledger_entries_created_total")
        .with_unit("{entry}")
        .with_description("Entries booked.")
        .build();
    let amount = meter
        .u64_histogram("ledger_entry_amount")
        .with_unit("{minor_unit}")
        .with_description("Amounts of entries, in hundredths.")
        .build();
    let book = move || async move {
        created.add(1, &[KeyValue::new("currency", "EUR")]);
        amount.record(1250, &[]);
        "booked"
    };
    let app = Router::new()
        .route("/v1/entries", post(book))
        .merge(prometheus::route())
        .layer(TraceLayer::new().skip_paths(["/metrics"]));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9464".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    tracing::info!(%address, "ready");
    axum::serve(listener, app).with_graceful_shutdown(toolkit::shutdown_signal()).await?;
    telemetry.shutdown(Duration::from_secs(2)).await.log();
    Ok(())
}
