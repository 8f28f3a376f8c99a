//! `throughline demo`: the platform, the reference systems as processes of their own, and traffic
//! through them.

mod gateway_system;
mod ledger_system;
mod processes;
mod servers;

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};

use crate::cli::{DemoArgs, DemoService, DemoSystem};
use crate::output;
use crate::serve::{self, Platform};
use processes::{Processes, Surroundings};
use servers::Servers;

/// Runs the demonstration until it is told to stop.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    serve::log_to_stderr();
    let config = serve::configure(&args.serve)?;
    let ledger = ledger_servers(&args).await?;
    let platform = Platform::start(config).await?;
    let mut processes = Processes::default();
    let started = start(&platform, &args, ledger.as_ref(), &mut processes).await;
    let traffic = match started {
        Ok(traffic) => traffic,
        Err(error) => {
            processes.stop().await;
            platform.shutdown().await?;
            return Err(error);
        }
    };
    serve::announce(&platform, args.serve.json)?;
    traffic.announce(args.rate);
    output::note("open the address beside \"ui\" in a browser; Ctrl-C stops, the data stays");
    let tally = Tally::default();
    tokio::select! {
        () = throughline_toolkit::shutdown_signal() => {}
        stopped = traffic.run(&tally) => stopped?,
        name = processes.died() => output::note(&format!("{name} stopped by itself")),
    }
    processes.stop().await;
    tally.say();
    serve::stop(platform).await
}

/// Runs one service: what the child processes do.
pub async fn service(service: DemoService) -> anyhow::Result<()> {
    let environment = |name: &str| std::env::var(name).ok();
    let shutdown = throughline_toolkit::shutdown_signal();
    let ready = |address: std::net::SocketAddr| {
        // The parent waits for this line; when it is gone nobody needs it.
        output::line(&address.to_string()).ok();
    };
    match service {
        DemoService::Gateway { service } => {
            gateway::run(service, gateway::Config::load(None, environment)?, shutdown, ready).await
        }
        DemoService::Ledger { service } => {
            ledger::run(service, ledger::Config::load(None, environment)?, shutdown, ready).await
        }
    }
}

/// Where the ledger's servers are, when the ledger is to run. Servers that are missing are an
/// error only when the ledger was asked for.
async fn ledger_servers(args: &DemoArgs) -> anyhow::Result<Option<Servers>> {
    if args.system == Some(DemoSystem::Gateway) {
        return Ok(None);
    }
    let servers = Servers::find(&args.servers)?;
    let missing = servers.missing().await;
    if missing.is_empty() {
        return Ok(Some(servers));
    }
    let missing = missing.join("; ");
    if args.system.is_some() {
        bail!("the ledger system needs PostgreSQL, Redis and Kafka: {missing}");
    }
    output::note(&format!("the ledger system is left out: {missing}"));
    Ok(None)
}

async fn start(
    platform: &Platform,
    args: &DemoArgs,
    ledger: Option<&Servers>,
    processes: &mut Processes,
) -> anyhow::Result<Traffic> {
    let addresses = platform.addresses();
    let collector = addresses
        .iter()
        .find(|(name, _)| name.ends_with("/http"))
        .map(|(_, address)| format!("http://{address}"))
        .context("the demonstration needs a receiver for OTLP over HTTP in the configuration")?;
    let folder = platform.data_dir().join("demo");
    std::fs::create_dir_all(&folder)?;
    let around = Surroundings { collector, folder, any_port: args.any_port };
    let gateway = match args.system {
        Some(DemoSystem::Ledger) => None,
        _ => Some(gateway_system::start(&around, args.rate, processes).await?),
    };
    let ledger = match ledger {
        Some(servers) => Some(ledger_system::start(&around, servers, args.rate, processes).await?),
        None => None,
    };
    Ok(Traffic { gateway, ledger })
}

/// What keeps the systems that run busy.
struct Traffic {
    gateway: Option<gateway::traffic::Traffic>,
    ledger: Option<ledger::traffic::Traffic>,
}

#[derive(Default)]
struct Tally {
    gateway: gateway::traffic::Tally,
    ledger: ledger::traffic::Tally,
}

impl Traffic {
    fn announce(&self, rate: f64) {
        if let Some(gateway) = &self.gateway {
            let services = "api-gateway, user-service, auth-service";
            output::note(&format!(
                "  {:12} {}  ({rate} requests/s through {services})",
                "gateway", gateway.url
            ));
        }
        if let Some(ledger) = &self.ledger {
            let services = "orchestrator, ledger, accounts, read-model";
            let url = &ledger.orchestrator_url;
            output::note(&format!("  {:12} {url}  ({rate} requests/s through {services})", "ledger"));
        }
    }

    async fn run(&self, tally: &Tally) -> anyhow::Result<()> {
        let gateway = async {
            match &self.gateway {
                Some(traffic) => traffic.run(&tally.gateway).await,
                None => std::future::pending().await,
            }
        };
        let ledger = async {
            match &self.ledger {
                Some(traffic) => traffic.run(&tally.ledger).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stopped = gateway => stopped?,
            stopped = ledger => stopped?,
        }
        Ok(())
    }
}

impl Tally {
    fn say(&self) {
        let sum = |a: &AtomicU64, b: &AtomicU64| a.load(Ordering::Relaxed) + b.load(Ordering::Relaxed);
        let answered = sum(&self.gateway.answered, &self.ledger.answered);
        let unanswered = sum(&self.gateway.unanswered, &self.ledger.unanswered);
        output::note(&format!("traffic: {answered} requests answered, {unanswered} not"));
    }
}
