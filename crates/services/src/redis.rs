//! Redis that has each write on disk before it answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;

use anyhow::{bail, ensure};

use crate::install::Installed;
use crate::ports::Ports;
use crate::site::Site;

pub(crate) fn command(site: &Site, installed: &Installed, ports: Ports) -> anyhow::Result<Command> {
    std::fs::create_dir_all(site.data())?;
    let config = format!(
        "bind 127.0.0.1\nport {}\ndir \"{}\"\nappendonly yes\nappendfsync always\nsave \"\"\n\
         daemonize no\nset-proc-title no\n{}\n",
        ports.client,
        site.data().display(),
        site.config,
    );
    let mut command = Command::new(installed.program("redis-server"));
    command.arg(site.write("redis.conf", &config)?);
    Ok(command)
}

/// It says its own process id, which it does only once its data is loaded.
pub(crate) fn is_ready(mut stream: TcpStream, pid: u32) -> anyhow::Result<()> {
    stream.write_all(b"INFO server\r\nPING\r\n")?;
    let mut same = false;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        match line.split_once(':') {
            Some(("process_id", id)) => same = id.trim() == pid.to_string(),
            // A server that wants a password tells nothing else.
            _ if line.starts_with("-NOAUTH") => return Ok(()),
            _ if line.starts_with('-') => bail!("{line}"),
            _ if line.starts_with("+PONG") => {
                ensure!(same, "another server has the port");
                return Ok(());
            }
            _ => {}
        }
    }
    bail!("the connection was closed")
}
