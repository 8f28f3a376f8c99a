//! `throughline demo`: the platform, the three services of the gateway system as processes of
//! their own, and traffic through them.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use gateway::Service;
use gateway::traffic::{Tally, Traffic};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::cli::DemoArgs;
use crate::output;
use crate::serve::{self, Platform};

/// How long a service may take to listen.
const START: Duration = Duration::from_secs(15);

/// Runs the demonstration until it is told to stop.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    serve::log_to_stderr();
    let config = serve::configure(&args.serve)?;
    let platform = Platform::start(config).await?;
    let mut services = Services::default();
    let started = start_services(&platform, &args, &mut services).await;
    let url = match started {
        Ok(url) => url,
        Err(error) => {
            services.stop().await;
            platform.shutdown().await?;
            return Err(error);
        }
    };
    serve::announce(&platform, args.serve.json)?;
    output::note(&format!(
        "  {:12} {url}  ({} requests/s through api-gateway, user-service, auth-service)",
        "demo", args.rate
    ));
    output::note("open the address beside \"ui\" in a browser; Ctrl-C stops, the data stays");
    let tally = Arc::new(Tally::default());
    let traffic = Traffic { url, rate: args.rate };
    tokio::select! {
        () = throughline_toolkit::shutdown_signal() => {}
        stopped = traffic.run(&tally) => stopped?,
        name = services.died() => output::note(&format!("{name} stopped by itself")),
    }
    services.stop().await;
    let (answered, unanswered) =
        (tally.answered.load(Ordering::Relaxed), tally.unanswered.load(Ordering::Relaxed));
    output::note(&format!("traffic: {answered} requests answered, {unanswered} not"));
    serve::stop(platform).await
}

/// Runs one service: what the child processes do.
pub async fn service(service: Service) -> anyhow::Result<()> {
    let config = gateway::Config::load(None, |name| std::env::var(name).ok())?;
    gateway::run(service, config, throughline_toolkit::shutdown_signal(), |address| {
        // The parent waits for this line; when it is gone nobody needs it.
        output::line(&address.to_string()).ok();
    })
    .await
}

#[derive(Default)]
struct Services {
    running: Vec<(Service, Child)>,
}

async fn start_services(
    platform: &Platform,
    args: &DemoArgs,
    services: &mut Services,
) -> anyhow::Result<String> {
    let addresses = platform.addresses();
    let collector = addresses
        .iter()
        .find(|(name, _)| name.ends_with("/http"))
        .map(|(_, address)| format!("http://{address}"))
        .context("the demonstration needs a receiver for OTLP over HTTP in the configuration")?;
    let folder = platform.data_dir().join("demo");
    std::fs::create_dir_all(&folder)?;
    let mut urls: Vec<(Service, String)> = Vec::new();
    for service in Service::ALL {
        let url =
            |of: Service| urls.iter().find(|(known, _)| *known == of).map_or("", |(_, url)| url.as_str());
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["demo-service", service.name()])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=demo,service.namespace=gateway")
            .env("OTEL_BSP_SCHEDULE_DELAY", "1000")
            .env("OTEL_BLRP_SCHEDULE_DELAY", "1000")
            .env("OTEL_METRIC_EXPORT_INTERVAL", "10000")
            .env("DATABASE_URL", database(&folder, service))
            .env("AUTH_SERVICE_URL", url(Service::AuthService))
            .env("USER_SERVICE_URL", url(Service::UserService))
            .env("MAIL_URL", "http://127.0.0.1:9/welcome-mail")
            .env("FAULT_SLOW_SHARE", "0.06")
            .env("FAULT_SLOW_MS", "650")
            .env("FAULT_FAIL_SHARE", "0.02")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file(&folder, service)?)
            .kill_on_drop(true)
            // Ctrl-C reaches only us: we stop the services in order.
            .process_group(0);
        if args.any_port {
            command.env("LISTEN", "127.0.0.1:0");
        }
        let mut child = command.spawn().with_context(|| format!("{} cannot be started", service.name()))?;
        let address = address(&mut child).await;
        services.running.push((service, child));
        let address = address.with_context(|| {
            let log = log_path(&folder, service);
            format!(
                "{} did not start (is its port taken? --any-port); its log: {}",
                service.name(),
                log.display()
            )
        })?;
        urls.push((service, format!("http://{address}")));
    }
    match urls.pop() {
        Some((Service::ApiGateway, url)) => Ok(url),
        _ => bail!("the api-gateway did not start"),
    }
}

fn database(folder: &Path, service: Service) -> String {
    format!("sqlite:{}", folder.join(format!("{}.sqlite", service.name())).display())
}

fn log_path(folder: &Path, service: Service) -> std::path::PathBuf {
    folder.join(format!("{}.log", service.name()))
}

fn log_file(folder: &Path, service: Service) -> anyhow::Result<std::fs::File> {
    let path = log_path(folder, service);
    std::fs::File::create(&path).with_context(|| format!("{} cannot be written", path.display()))
}

/// The line in which a service says where it listens.
async fn address(child: &mut Child) -> anyhow::Result<String> {
    let stdout = child.stdout.take().context("no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(START, lines.next_line()).await.context("it says nothing")??;
    line.context("it ended")
}

impl Services {
    /// The first service that ends by itself.
    async fn died(&mut self) -> &'static str {
        loop {
            for (service, child) in &mut self.running {
                if matches!(child.try_wait(), Ok(Some(_))) {
                    return service.name();
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Asks every service to stop, the gateway first, so that each flushes its telemetry.
    async fn stop(&mut self) {
        for (service, mut child) in self.running.drain(..).rev() {
            terminate(&child);
            if tokio::time::timeout(Duration::from_secs(8), child.wait()).await.is_err() {
                tracing::warn!(service = service.name(), "did not stop in time and is killed");
                if let Err(error) = child.kill().await {
                    tracing::warn!(service = service.name(), %error, "could not be killed");
                }
            }
        }
    }
}

/// SIGTERM, through `kill`, as sending signals is not in the standard library.
fn terminate(child: &Child) {
    let Some(pid) = child.id() else { return };
    let sent = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
    if !sent.is_ok_and(|status| status.success()) {
        tracing::warn!(pid, "the signal to stop could not be sent");
    }
}
