//! The servers that tests talk to: installed, started, kept running.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use throughline_services::{Daemon, Found, Kind, Running, install, installed, publish};

use crate::command::target;

/// `cargo xtask services`.
#[derive(Debug, Args)]
pub(crate) struct Services {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only these, separated by commas: nats, postgres, redis, kafka.
    #[arg(long, global = true, value_delimiter = ',')]
    only: Vec<Kind>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Installs what is missing and starts what does not run; the default.
    Start,
    /// Stops them; they keep their ports and data.
    Stop {
        /// First waits until standard input ends, as it does when its writer is gone.
        #[arg(long, hide = true)]
        when_input_ends: bool,
    },
    /// Shows which of them run; fails unless all do.
    Status,
}

impl Services {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let kinds = if self.only.is_empty() { Kind::ALL.to_vec() } else { self.only };
        match self.action.unwrap_or(Action::Start) {
            Action::Start => start(&kinds),
            Action::Stop { when_input_ends } => {
                if when_input_ends {
                    std::io::stdin().read_to_end(&mut Vec::new())?;
                }
                stop(&kinds)
            }
            Action::Status => status(&kinds),
        }
    }
}

/// Installs and starts, all that can be.
fn start(kinds: &[Kind]) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    let mut ready = Vec::new();
    for &kind in kinds {
        match ensure_installed(kind) {
            Ok(installed) => ready.push((kind, installed)),
            Err(error) => failures.push((kind, error)),
        }
    }
    let mut started = Vec::new();
    std::thread::scope(|scope| {
        let starting: Vec<_> = ready
            .iter()
            .map(|(kind, installed)| {
                let start = || {
                    let begun = Instant::now();
                    Daemon::of(*kind).start(installed).map(|started| (started, begun.elapsed()))
                };
                (*kind, scope.spawn(start))
            })
            .collect();
        for (kind, thread) in starting {
            match thread.join() {
                Ok(Ok(server)) => started.push(server),
                Ok(Err(error)) => failures.push((kind, error)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let file = publish()?;
    for ((running, found), time) in &started {
        let how = match found {
            Found::Down => format!("started in {:.1} s", time.as_secs_f64()),
            Found::Running => "was running".to_owned(),
        };
        show(running, &how);
    }
    println!("addresses in {}", file.display());
    refuse(&failures)
}

fn ensure_installed(kind: Kind) -> anyhow::Result<throughline_services::Installed> {
    if let Some(installed) = installed(kind) {
        return Ok(installed);
    }
    println!("installing {kind}");
    let begun = Instant::now();
    let installed = install(kind)?;
    println!("installed {kind} {} in {:.1} s", installed.version, begun.elapsed().as_secs_f64());
    Ok(installed)
}

fn stop(kinds: &[Kind]) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    for &kind in kinds {
        match Daemon::of(kind).stop() {
            Ok(true) => println!("{kind:<9} stopped"),
            Ok(false) => println!("{kind:<9} was not running"),
            Err(error) => failures.push((kind, error)),
        }
    }
    publish()?;
    refuse(&failures)
}

fn status(kinds: &[Kind]) -> anyhow::Result<()> {
    let mut down = 0;
    for &kind in kinds {
        match Daemon::of(kind).status() {
            Ok(Some(running)) => show(&running, "running"),
            Ok(None) => {
                println!("{kind:<9} not running");
                down += 1;
            }
            Err(error) => {
                println!("{kind:<9} {error:#}");
                down += 1;
            }
        }
    }
    if down > 0 {
        bail!("{down} of {} servers not running: run `cargo xtask services`", kinds.len());
    }
    Ok(())
}

fn show(running: &Running, how: &str) {
    let Running { kind, address, version, folder, pid, .. } = running;
    println!("{kind:<9} {address:<46} {version:<8} pid {pid:<8} {how:<16} {}", folder.display());
    if !folder.starts_with(target()) {
        println!("{:<9} its data is there because the user it runs as cannot enter the checkout", "");
    }
}

/// Each server that cannot be had, and why.
fn refuse(failures: &[(Kind, anyhow::Error)]) -> anyhow::Result<()> {
    for (kind, error) in failures {
        eprintln!("no {kind}: {error:#}");
    }
    if !failures.is_empty() {
        let names: Vec<&str> = failures.iter().map(|(kind, _)| kind.name()).collect();
        bail!("without: {}", names.join(", "));
    }
    Ok(())
}

/// Servers that run for as long as this lives. Those that were running before are left alone.
pub(crate) struct Lease {
    /// Stops the servers when its input ends, which is when we end, in whatever way.
    stopper: Option<Child>,
}

impl Lease {
    /// Starts all servers that do not run.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let is_down = |kind: &Kind| matches!(Daemon::of(*kind).status(), Ok(None));
        let down: Vec<&str> = Kind::ALL.iter().filter(|kind| is_down(kind)).map(|kind| kind.name()).collect();
        let lease = Self { stopper: stopper(&down)? };
        start(&Kind::ALL)?;
        Ok(lease)
    }
}

/// A process that stops servers when we end. It is our own program, even when cargo has put
/// another in its place; outside of our process group, so that Ctrl-C reaches us and not it.
fn stopper(names: &[&str]) -> anyhow::Result<Option<Child>> {
    if names.is_empty() {
        return Ok(None);
    }
    Command::new("/proc/self/exe")
        .args(["services", "stop", "--when-input-ends", "--only", &names.join(",")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map(Some)
        .context("the servers' stopper cannot be started")
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(stopper) = &mut self.stopper else { return };
        drop(stopper.stdin.take());
        match stopper.wait() {
            Ok(status) if status.success() => {}
            outcome => {
                eprintln!("the servers were not stopped well ({outcome:?}): `cargo xtask services stop`")
            }
        }
    }
}
