//! What instrumentation adds to a service under load: the same program with the toolkit on, off
//! and sampling, asked in turn by wrk, several rounds, ratios within each round.
//!
//! ```sh
//! cargo build --release -p toolkit-cost -p gateway
//! target/release/overhead hello
//! target/release/overhead gateway --connections 1
//! target/release/overhead gateway --connections 8 --pause-ms 5
//! cargo xtask services && target/release/overhead ledger --connections 4
//! ```
#![allow(clippy::print_stdout, reason = "prints a table")]

mod collector;
mod ledger;
mod service;
mod systems;
mod table;
mod wrk;

use clap::{Parser, ValueEnum};

use service::Variant;
use table::Table;
use wrk::Load;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum System {
    /// A handler that does nothing, with several stacks.
    Hello,
    /// A handler that takes a millisecond of CPU.
    Busy,
    /// user-service of the gateway: a route, a handler, a query.
    Gateway,
    /// A transfer through the ledger: orchestrator, ledger, outbox, Kafka, read-model.
    Ledger,
}

#[derive(Debug, Parser)]
struct Cli {
    system: System,
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Seconds of load for each variant in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Milliseconds that each connection waits before it asks again: a machine with time to spare.
    /// 0: as fast as it goes.
    #[arg(long, default_value_t = 0)]
    pause_ms: u32,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let collector = collector::start()?;
    let variants = match cli.system {
        System::Hello => systems::hello(&collector, 0)?,
        System::Busy => systems::hello(&collector, 1_000)?,
        System::Gateway => systems::gateway(&collector)?,
        System::Ledger => ledger::variants(&collector)?,
    };
    let load = Load { connections: cli.connections, seconds: cli.seconds, pause_ms: cli.pause_ms };
    let mut table = Table::new(variants.iter().map(|v| v.name));
    // The first round warms caches and connections up and does not count. Each begins with another
    // variant, so that none has the same neighbours always.
    for round in 0..=cli.rounds {
        let first = round as usize % variants.len();
        for (at, variant) in variants.iter().enumerate().cycle().skip(first).take(variants.len()) {
            let measured = measure(variant, &load)?;
            if round > 0 {
                table.add(at, measured);
            }
        }
    }
    table.print();
    for variant in variants {
        let name = variant.name;
        for last in variant.stop()? {
            println!("{name:>24}: {last}");
        }
    }
    Ok(())
}

/// One run of load: CPU of the service's own process beside what the client saw.
fn measure(variant: &Variant, load: &Load) -> anyhow::Result<table::Measured> {
    let before = variant.cpu_seconds()?;
    let seen = load.run(&variant.url, variant.script.as_deref())?;
    let cpu = variant.cpu_seconds()? - before;
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let cpu_us = cpu * 1e6 / seen.requests.max(1) as f64;
    Ok(table::Measured { cpu_us, p50_us: seen.p50_us, p99_us: seen.p99_us, rate: seen.rate })
}
