//! The program on ports that the system chooses, for the browser test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use crate::command::target;

const CONFIG: &str = "
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0', cors: {allowed_origins: ['*']}}}}}
exporters: {store: }
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [store]}
    metrics: {receivers: [otlp], exporters: [store]}
    logs: {receivers: [otlp], exporters: [store]}
server: {endpoint: '127.0.0.1:0', tempo_endpoint: '', jaeger_endpoint: ''}
";

/// A running server; killed on drop, its data removed.
pub(crate) struct Server {
    child: Child,
    addresses: Value,
    folder: PathBuf,
}

impl Server {
    /// Starts the program and waits until it is ready.
    pub(crate) fn start(program: &Path) -> anyhow::Result<Self> {
        let folder = target().join("xtask/browser");
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("config.yaml");
        std::fs::write(&config, CONFIG)?;
        let mut child = Command::new(program)
            .args(["serve", "--json", "--config"])
            .arg(&config)
            .arg("--data-dir")
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value =
            serde_json::from_str(&line).with_context(|| format!("the server said {line:?}"))?;
        Ok(Self { child, addresses: ready["addresses"].clone(), folder })
    }

    /// `http://address` of what listens under a name.
    pub(crate) fn url(&self, name: &str) -> anyhow::Result<String> {
        let address =
            self.addresses[name].as_str().with_context(|| format!("nothing listens as {name:?}"))?;
        Ok(format!("http://{address}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and its folder may be gone.
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
