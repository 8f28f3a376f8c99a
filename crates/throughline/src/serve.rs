//! `throughline serve`: starts every part in order, and stops them in the reverse.

mod platform;
mod status;

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::cli::ServeArgs;
use crate::config::{self, Config};
use crate::output;

pub use platform::Platform;

/// Runs the platform until it is told to stop.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    log_to_stderr();
    let config = configure(&args)?;
    let platform = Platform::start(config).await?;
    announce(&platform, args.json)?;
    throughline_toolkit::shutdown_signal().await;
    stop(platform).await
}

/// Stops the platform; a second signal stops at once, which loses nothing that was acknowledged.
pub async fn stop(platform: Platform) -> anyhow::Result<()> {
    output::note("stopping; once more to stop at once");
    tokio::select! {
        stopped = platform.shutdown() => stopped,
        () = throughline_toolkit::shutdown_signal() => Ok(()),
    }
}

/// The configuration with the command line over it.
pub fn configure(args: &ServeArgs) -> anyhow::Result<Config> {
    let mut config = config::load(args.config.as_deref())?;
    if let Some(data_dir) = &args.data_dir {
        config.storage.data_dir.clone_from(data_dir);
    }
    if args.no_compat_ports {
        config.server.tempo_endpoint.clear();
        config.server.jaeger_endpoint.clear();
    }
    Ok(config)
}

/// Says where everything is.
pub fn announce(platform: &Platform, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let addresses: serde_json::Map<String, serde_json::Value> = platform
            .addresses()
            .into_iter()
            .map(|(name, address)| (name, address.to_string().into()))
            .collect();
        return output::line(&json!({"event": "ready", "addresses": addresses}).to_string());
    }
    output::note(&format!("throughline {} is ready", env!("CARGO_PKG_VERSION")));
    for (name, address) in platform.addresses() {
        let shown = match name.as_str() {
            "ui" => format!("http://{address}"),
            _ => address.to_string(),
        };
        output::note(&format!("  {name:12} {shown}"));
    }
    output::note(&format!("  {:12} {}", "data", platform.data_dir().display()));
    Ok(())
}

/// Logs as text on standard error; `RUST_LOG` chooses what.
pub fn log_to_stderr() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,throughline=info"));
    let logs =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).with_target(false);
    // A subscriber that is already there stays.
    logs.try_init().ok();
}

/// How long receivers may drain.
const DRAIN: Duration = Duration::from_secs(2);

/// Creates the data directory and says so plainly when it cannot.
fn prepare(config: &Config) -> anyhow::Result<()> {
    let folder = &config.storage.data_dir;
    std::fs::create_dir_all(folder).with_context(|| {
        format!("the data directory {} cannot be created (--data-dir chooses another)", folder.display())
    })
}
