//! The throughline program: command line, configuration, wiring, shutdown, embedded web UI.
#![allow(unreachable_pub, reason = "in a program `pub` says what a module offers to the others")]

mod cli;
mod client;
mod config;
mod demo;
mod export;
mod http;
mod output;
mod pipelines;
mod replay;
mod search_command;
mod self_telemetry;
mod serve;
mod store_sink;
mod trace_command;
mod ui;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command, ConfigCommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&anyhow::anyhow!("the async runtime cannot start: {error}")),
    };
    let done = runtime.block_on(run(cli.command));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::DemoService(service) => demo::service(service).await,
        Command::Trace { id, client } => trace_command::run(&id, &client).await,
        Command::Search { query, since, limit, client } => {
            search_command::run(&query, &since, limit, &client).await
        }
        Command::Config(ConfigCommand::Check { file }) => {
            let config = config::load(file.as_deref())?;
            let pipelines = config.pipelines.len();
            output::line(&format!("the configuration can be used: {pipelines} pipelines"))
        }
        Command::Config(ConfigCommand::Print { file }) => match file {
            None => output::text(config::DEFAULT),
            Some(file) => output::text(&config::print(&config::load(Some(&file))?)),
        },
    }
}
