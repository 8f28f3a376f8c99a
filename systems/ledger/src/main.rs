//! `ledger SERVICE`: one service of the ledger reference system.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use ledger::{Config, Service};

/// One service of the ledger reference system.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Which service.
    service: Service,
    /// Configuration file (YAML).
    #[arg(long, env = "LEDGER_CONFIG")]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let config = Config::load(cli.config.as_deref(), |name| std::env::var(name).ok())?;
    ledger::run(cli.service, config, throughline_toolkit::shutdown_signal(), |address| {
        // Scripts wait for this line; when nobody reads it nothing is lost.
        writeln!(std::io::stdout(), "{address}").ok();
    })
    .await
}
