//! What can be measured, each in its variants.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::service::{Service, Variant};

const SAMPLED_OUT: (&str, &str) = ("OTEL_TRACES_SAMPLER", "always_off");
pub(crate) const OFF: (&str, &str) = ("TRACING_ENABLED", "false");
pub(crate) const TENTH: (&str, &str) = ("TRACING_SAMPLING_RATE", "0.1");

/// Variables of a service.
pub(crate) type Environment = &'static [(&'static str, &'static str)];

/// A program beside this one.
pub(crate) fn program(name: &str, collector: &str) -> anyhow::Result<Command> {
    let here = std::env::current_exe()?;
    let path: PathBuf = here.parent().context("no folder")?.join(name);
    anyhow::ensure!(path.exists(), "{} is not there: build it first", path.display());
    let mut command = Command::new(path);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
    Ok(command)
}

/// A system of one service, asked for `path`.
fn alone(name: &'static str, command: &mut Command, path: &str) -> anyhow::Result<Variant> {
    let service = Service::start(command)?;
    Ok(Variant { name, url: format!("{}{path}", service.url), script: None, services: vec![service] })
}

/// The server that does nothing, or spins for some microseconds.
pub(crate) fn hello(collector: &str, work_us: u32) -> anyhow::Result<Vec<Variant>> {
    let variants: [(&'static str, &str, Environment); 5] = [
        ("bare", "bare", &[]),
        ("toolkit", "toolkit", &[]),
        ("toolkit, sampled out", "toolkit", &[SAMPLED_OUT]),
        ("usual", "usual", &[]),
        ("usual, sampled out", "usual", &[SAMPLED_OUT]),
    ];
    let start = |(name, stack, environment): (&'static str, &str, Environment)| {
        let mut command = program("hello", collector)?;
        command.args([stack, "--work-us", &work_us.to_string()]).envs(environment.iter().copied());
        alone(name, &mut command, "/hello/alice")
    };
    variants.into_iter().map(start).collect()
}

/// user-service, asked for a user that is not there: route, handler and query without a network
/// behind them.
pub(crate) fn gateway(collector: &str) -> anyhow::Result<Vec<Variant>> {
    let variants: [(&'static str, Environment); 4] =
        [("off", &[OFF]), ("on", &[]), ("10 % sampled", &[TENTH]), ("off again", &[OFF])];
    let start = |(name, environment): (&'static str, Environment)| {
        let mut command = program("gateway", collector)?;
        command.arg("user-service").env("LISTEN", "127.0.0.1:0").envs(environment.iter().copied());
        alone(name, &mut command, "/api/v1/users/nobody")
    };
    variants.into_iter().map(start).collect()
}
