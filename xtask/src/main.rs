//! The repository's own commands: `cargo xtask check` is the one that must pass.

mod check;
mod command;
mod conformance;
mod fuzz;
mod install;
mod server;
mod services;
mod tidy;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// What a developer runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The repository's own commands")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Installs what the tests need and runs all of them; what CI runs.
    Check {
        /// Only the steps whose names contain one of these words.
        only: Vec<String>,
    },
    /// Starts, stops or shows the servers that tests need: NATS, PostgreSQL, Redis, Kafka.
    Services(services::Services),
    /// Checks the rules of the house: crate edges, file sizes, names.
    Tidy,
    /// Runs others' test data, given by path: traceql, otlp, jaeger, grafana or all.
    Conformance {
        /// Which suite.
        #[arg(default_value = "all")]
        suite: String,
        /// The folder that holds the suites.
        #[arg(long, env = "THROUGHLINE_CONFORMANCE")]
        data: PathBuf,
    },
    /// Fuzzes a decoder or parser with a seed: otlp or traceql.
    Fuzz {
        /// What to fuzz.
        target: String,
        /// Seed of the inputs.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many inputs.
        #[arg(long, default_value_t = 1_000_000)]
        iterations: u64,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Check { only } => check::check(&only),
        Task::Services(services) => services.run(),
        Task::Tidy => tidy::run(),
        Task::Conformance { suite, data } => conformance::run(&suite, &data),
        Task::Fuzz { target, seed, iterations } => fuzz::run(&target, seed, iterations),
    }
}
