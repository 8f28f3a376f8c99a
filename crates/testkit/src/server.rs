//! The program as a process on ports that the system chooses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long the program may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Words after the program's name; `serve` when empty.
    pub arguments: Vec<String>,
    /// Configuration text in place of the built-in one; must listen on port 0.
    pub config: Option<String>,
    /// Where the data is; a new temporary folder when none.
    pub data_dir: Option<PathBuf>,
}

/// A running program. Killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    addresses: BTreeMap<String, String>,
    client: reqwest::Client,
    data_dir: PathBuf,
    folder: Option<TempDir>,
}

/// The built-in pipelines on ports that the system chooses.
const CONFIG: &str = "
receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}}
exporters: {store: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [store]}
    metrics: {receivers: [otlp], exporters: [store]}
    logs: {receivers: [otlp], exporters: [store]}
server: {endpoint: '127.0.0.1:0', tempo_endpoint: '127.0.0.1:0', jaeger_endpoint: '127.0.0.1:0'}
";

impl Server {
    /// Starts the program and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started or does not become ready; its log is on standard error.
    pub async fn start(program: &Path, options: ServerOptions) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let data_dir = options.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, options.config.as_deref().unwrap_or(CONFIG))?;
        let arguments =
            if options.arguments.is_empty() { vec!["serve".to_owned()] } else { options.arguments };
        let mut child = Command::new(program)
            .args(&arguments)
            .arg("--json")
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(&data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(READY, lines.next_line())
            .await
            .context("the server is not ready in time")??;
        let Some(line) = line else { bail!("the server ended before it was ready") };
        let ready: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        let addresses = ready["addresses"].as_object().context("no addresses")?;
        let addresses = addresses
            .iter()
            .filter_map(|(name, address)| Some((name.clone(), address.as_str()?.to_owned())))
            .collect();
        Ok(Self { child, lines, addresses, client: reqwest::Client::new(), data_dir, folder: Some(folder) })
    }

    /// `http://address` of `ui`, `tempo`, `jaeger`, `otlp/http`, `otlp/grpc`.
    ///
    /// # Panics
    /// Nothing listens under that name.
    #[must_use]
    #[expect(clippy::panic, reason = "a test's own fault")]
    pub fn url(&self, name: &str) -> String {
        match self.addresses.get(name) {
            Some(address) => format!("http://{address}"),
            None => panic!("nothing listens as {name:?}: {:?}", self.addresses),
        }
    }

    /// An HTTP client.
    #[must_use]
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Its process id; 0 once it has ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Where the data is.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Sends an export request as OTLP/HTTP protobuf; whether it was acknowledged.
    ///
    /// # Errors
    /// No answer.
    pub async fn send_traces(&self, protobuf: Vec<u8>) -> Result<bool, reqwest::Error> {
        let request = self.client.post(format!("{}/v1/traces", self.url("otlp/http")));
        let request = request.header("content-type", "application/x-protobuf").body(protobuf);
        Ok(request.send().await?.status().is_success())
    }

    /// GETs JSON below one of the addresses.
    ///
    /// # Errors
    /// No answer, or none in JSON.
    pub async fn get(&self, name: &str, path: &str) -> anyhow::Result<(u16, Value)> {
        let answer = self.client.get(format!("{}{path}", self.url(name))).send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).with_context(|| format!("{path}: {status} {text}"))?;
        Ok((status, body))
    }

    /// The next line on its standard output.
    ///
    /// # Errors
    /// None in time.
    pub async fn line(&mut self) -> anyhow::Result<Option<String>> {
        Ok(tokio::time::timeout(READY, self.lines.next_line()).await??)
    }

    /// SIGKILL, as power loss does to a process. The data's temporary folder is handed over.
    ///
    /// # Errors
    /// The process cannot be waited for.
    pub async fn kill(mut self) -> anyhow::Result<Option<TempDir>> {
        self.child.kill().await?;
        Ok(self.folder.take())
    }

    /// SIGTERM, and waits for the end; whether it ended well.
    ///
    /// # Errors
    /// The signal cannot be sent, or the process does not end in 20 seconds.
    pub async fn terminate(mut self) -> anyhow::Result<(bool, Option<TempDir>)> {
        let pid = self.child.id().context("it ended already")?.to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await?;
        anyhow::ensure!(sent.success(), "kill -TERM failed");
        let status = tokio::time::timeout(Duration::from_secs(20), self.child.wait())
            .await
            .context("it does not end")??;
        Ok((status.success(), self.folder.take()))
    }
}
