//! Passes through every boundary once, well and badly, so that what the toolkit emits can be
//! judged by the semantic conventions' own checker: see `docs/conventions.md`.
//!
//! Takes the addresses of servers; a boundary that has none is left out, which is told.
//!
//! `cargo run -p throughline-toolkit --all-features --example conventions -- redis://127.0.0.1:6379`

mod grpc;
mod http;
mod kafka;
mod nats;
mod outbox;
mod redis;
mod sql;

use std::time::Duration;

use throughline_toolkit::Telemetry;
use tracing::Instrument;

/// What a boundary came to. Failures on purpose are none.
type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    // What other crates log has names of their own.
    let telemetry = Telemetry::builder().service("conventions").log_filter("error,conventions=warn");
    let telemetry = telemetry.install()?;
    let servers = Servers(std::env::args().skip(1).collect());
    pass(&servers).instrument(tracing::info_span!("every boundary")).await?;
    let report = telemetry.shutdown(Duration::from_secs(10)).await;
    report.log();
    if report.is_lossless() { Ok(()) } else { Err("some telemetry did not arrive".into()) }
}

async fn pass(servers: &Servers) -> Outcome {
    http::pass().await?;
    grpc::pass().await?;
    sql::pass_sqlite().await?;
    outbox::pass().await?;
    if let Some(url) = servers.at("postgres") {
        sql::pass_postgres(url).await?;
    }
    if let Some(url) = servers.at("redis") {
        redis::pass(url).await?;
    }
    if let Some(url) = servers.at("nats") {
        nats::pass(url).await?;
    }
    if let Some(url) = servers.at("kafka") {
        kafka::pass(url).await?;
    }
    Ok(())
}

/// The addresses that were given.
struct Servers(Vec<String>);

impl Servers {
    fn at(&self, scheme: &str) -> Option<&str> {
        let found = self.0.iter().find(|url| url.split(':').next() == Some(scheme));
        if found.is_none() {
            tracing::warn!("{scheme} is left out, for want of an address");
        }
        found.map(String::as_str)
    }
}
