//! The services of the demonstration: processes of this same program, each with a log of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long a service may take to listen.
const START: Duration = Duration::from_secs(30);

/// How long a service may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(12);

/// What every service is told.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Where telemetry goes: the platform's own receiver.
    pub(super) collector: String,
    /// Where logs and embedded databases are.
    pub(super) folder: PathBuf,
    /// The operating system chooses the ports.
    pub(super) any_port: bool,
}

impl Surroundings {
    /// The command that runs one service of a system.
    pub(super) fn command(&self, system: &str, service: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["demo-service", system, service])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.collector)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env(
                "OTEL_RESOURCE_ATTRIBUTES",
                format!("deployment.environment.name=demo,service.namespace={system}"),
            )
            .env("OTEL_BSP_SCHEDULE_DELAY", "1000")
            .env("OTEL_BLRP_SCHEDULE_DELAY", "1000")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "10000");
        if self.any_port {
            command.env("LISTEN", "127.0.0.1:0");
        }
        Ok(command)
    }

    fn log_path(&self, service: &str) -> PathBuf {
        self.folder.join(format!("{service}.log"))
    }
}

/// Services that run.
#[derive(Default)]
pub(super) struct Processes {
    running: Vec<(&'static str, Child)>,
}

impl Processes {
    /// Starts a service and waits until it says where it listens; `http://address`.
    pub(super) async fn start(
        &mut self,
        name: &'static str,
        mut command: Command,
        around: &Surroundings,
    ) -> anyhow::Result<String> {
        let log = around.log_path(name);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(create(&log)?)
            .kill_on_drop(true)
            // Ctrl-C reaches only us: we stop the services in order.
            .process_group(0);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let address = address(&mut child).await;
        self.running.push((name, child));
        let address = address.with_context(|| {
            format!("{name} did not start (is its port taken? --any-port); its log: {}", log.display())
        })?;
        Ok(format!("http://{address}"))
    }

    /// The first service that ends by itself.
    pub(super) async fn died(&mut self) -> &'static str {
        loop {
            for (name, child) in &mut self.running {
                if matches!(child.try_wait(), Ok(Some(_))) {
                    return name;
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Asks every service to stop, the one started last first, so that each flushes its telemetry.
    pub(super) async fn stop(&mut self) {
        for (name, mut child) in self.running.drain(..).rev() {
            terminate(&child);
            if tokio::time::timeout(STOP, child.wait()).await.is_err() {
                tracing::warn!(service = name, "did not stop in time and is killed");
                if let Err(error) = child.kill().await {
                    tracing::warn!(service = name, %error, "could not be killed");
                }
            }
        }
    }
}

fn create(path: &Path) -> anyhow::Result<std::fs::File> {
    std::fs::File::create(path).with_context(|| format!("{} cannot be written", path.display()))
}

/// The line in which a service says where it listens.
async fn address(child: &mut Child) -> anyhow::Result<String> {
    let stdout = child.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(START, lines.next_line()).await.context("it says nothing")??;
    line.context("it ended")
}

/// SIGTERM, through `kill`, as sending signals is not in the standard library.
fn terminate(child: &Child) {
    let Some(pid) = child.id() else { return };
    let sent = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
    if !sent.is_ok_and(|status| status.success()) {
        tracing::warn!(pid, "the signal to stop could not be sent");
    }
}
