//! PostgreSQL, as a user that is not root.

mod account;
mod session;

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

pub(crate) use account::Account;
pub(crate) use session::{Refusal, Session};

use crate::install::Installed;
use crate::ports::Ports;
use crate::site::Site;

/// The name that clients log in with; whoever connects on loopback is trusted.
pub(crate) const USER: &str = "postgres";

pub(crate) fn command(site: &Site, installed: &Installed, ports: Ports) -> anyhow::Result<Command> {
    let account = Account::needed()?;
    let command = |program: &str| {
        let mut command = Command::new(installed.program(program));
        if let Some(account) = &account {
            account.run_as(&mut command);
        }
        command
    };
    let data = site.data();
    let version = std::fs::read_to_string(data.join("PG_VERSION")).unwrap_or_default();
    if version.trim() != installed.major() {
        // Half made, or made by another major version, which this one cannot read.
        std::fs::remove_dir_all(&data).ok();
        let mut initdb = command("initdb");
        initdb.arg("--pgdata").arg(&data).args(["--username", USER, "--auth=trust", "--no-sync"]);
        initdb.args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]);
        site.run(initdb)?;
    }
    let config = format!(
        "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nfsync = on\n\
         max_connections = 200\nshared_buffers = 32MB\nlog_min_messages = warning\n{}\n",
        ports.client, site.config,
    );
    let config = site.write("postgresql.conf", &config)?;
    let mut postgres = command("postgres");
    postgres.arg("-D").arg(&data).arg("-c").arg(format!("config_file={}", config.display()));
    Ok(postgres)
}

/// It takes a query and says that its data is ours.
pub(crate) fn is_ready(stream: TcpStream, data: &Path) -> anyhow::Result<()> {
    let mut session = Session::open(stream, USER, "postgres")?;
    let answer = session.query("SHOW data_directory")?;
    let there = answer.first().and_then(|row| row.first()).context("no answer")?;
    ensure!(Path::new(there) == data, "another server has the port");
    Ok(())
}
