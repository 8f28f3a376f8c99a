//! nats-server with JetStream.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::install::Installed;
use crate::ports::Ports;
use crate::site::Site;

pub(crate) fn command(site: &Site, installed: &Installed, ports: Ports) -> anyhow::Result<Command> {
    let config = format!(
        "server_name: \"{}\"\nhost: \"127.0.0.1\"\nport: {}\n\
         jetstream {{ store_dir: \"{}\", max_memory_store: 256MB, max_file_store: 4GB }}\n{}\n",
        site.fingerprint(),
        ports.client,
        site.data().display(),
        site.config,
    );
    let mut command = Command::new(installed.program("nats-server"));
    command.arg("--config").arg(site.write("nats.conf", &config)?);
    Ok(command)
}

/// Its greeting has its name, and JetStream answers; where clients must log in, the greeting alone
/// has to do.
pub(crate) fn is_ready(mut stream: TcpStream, name: &str) -> anyhow::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let info = line.strip_prefix("INFO ").context("no greeting")?;
    let info: Value = serde_json::from_str(info)?;
    ensure!(info["server_name"] == name, "another server has the port");
    if info["auth_required"] == true {
        return Ok(());
    }
    stream.write_all(
        b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n\
          SUB _INBOX.ready 1\r\nPUB $JS.API.INFO _INBOX.ready 0\r\n\r\nPING\r\n",
    )?;
    loop {
        line.clear();
        ensure!(lines.read_line(&mut line)? > 0, "the connection was closed");
        if line.starts_with("-ERR") {
            bail!("{}", line.trim());
        }
        if line.starts_with('{') {
            let answer: Value = serde_json::from_str(&line)?;
            ensure!(answer["error"].is_null(), "JetStream: {}", answer["error"]);
            return Ok(());
        }
    }
}
