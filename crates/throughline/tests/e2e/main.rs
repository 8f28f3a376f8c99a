//! The program as its users see it: processes, HTTP, signals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cli;
mod demo;
mod durability;
mod jaeger;
mod ledger;
mod lifecycle;
mod tempo;
mod tempo_metrics;

use std::path::Path;
use std::time::Duration;

use throughline_testkit::{Server, ServerOptions};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_throughline");
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn start() -> Server {
    start_with(ServerOptions::default()).await
}

pub(crate) async fn start_with(options: ServerOptions) -> Server {
    Server::start(Path::new(PROGRAM), options).await.expect("the server starts")
}
