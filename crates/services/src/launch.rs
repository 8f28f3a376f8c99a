//! Starting a server and waiting until it answers its own protocol.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::install::Installed;
use crate::kind::Kind;
use crate::ports::Ports;
use crate::process::{Process, Signal};
use crate::site::Site;
use crate::{kafka, nats, postgres, redis};

/// How long a server may take to be ready. Kafka takes some seconds on an idle machine.
pub(crate) const READY: Duration = Duration::from_secs(90);
/// How long a server that was ready before may take to answer.
pub(crate) const STATUS: Duration = Duration::from_secs(10);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(20);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);
/// How long a server may take to end before it is killed.
const END: Duration = Duration::from_secs(20);

/// Is told the id of a process as soon as there is one, before it is ready.
pub(crate) type Spawned<'a> = dyn FnMut(u32) -> anyhow::Result<()> + 'a;

/// The same with the ports that were chosen for it.
pub(crate) type SpawnedOn<'a> = dyn FnMut(Ports, u32) -> anyhow::Result<()> + 'a;

/// Starts a server on ports that nobody has; others are tried when someone was faster.
pub(crate) fn on_new_ports(
    site: &Site,
    installed: &Installed,
    spawned: &mut SpawnedOn<'_>,
) -> anyhow::Result<(Child, Ports)> {
    let mut attempt = 0;
    loop {
        let ports = Ports::find()?;
        match on_ports(site, installed, ports, &mut |pid| spawned(ports, pid)) {
            Ok(child) => return Ok((child, ports)),
            Err(error) => {
                attempt += 1;
                if attempt == 5 || ports.are_free() {
                    return Err(error);
                }
            }
        }
    }
}

/// Starts a server, detached from the terminal and from the process group of its parent, and waits
/// until it is ready. It is gone when this fails.
pub(crate) fn on_ports(
    site: &Site,
    installed: &Installed,
    ports: Ports,
    spawned: &mut Spawned<'_>,
) -> anyhow::Result<Child> {
    let command = match site.kind {
        Kind::Nats => nats::command(site, installed, ports)?,
        Kind::Postgres => postgres::command(site, installed, ports)?,
        Kind::Redis => redis::command(site, installed, ports)?,
        Kind::Kafka => kafka::command(site, installed, ports)?,
    };
    let program = command.get_program().display().to_string();
    let mut command = site.logged(command)?;
    let child = command.process_group(0).spawn();
    let mut child = child.with_context(|| format!("{program} cannot be started"))?;
    let ready = spawned(child.id())
        .and_then(|()| wait_until_ready(site, ports, child.id(), READY, || Ok(child.try_wait()?.is_none())));
    if let Err(error) = ready {
        Process::of(child.id())?.kill_tree()?;
        child.wait()?;
        return Err(error);
    }
    Ok(child)
}

/// Ends a server well, or kills it when it takes too long.
pub(crate) fn end(kind: Kind, process: &Process) -> anyhow::Result<()> {
    // PostgreSQL waits for its clients to leave after SIGTERM, and closes them after SIGINT.
    let signal = if kind == Kind::Postgres { Signal::Int } else { Signal::Term };
    process.end(signal, END)
}

/// What clients are told of a server on a port.
pub(crate) fn address(kind: Kind, ports: Ports) -> String {
    let port = ports.client;
    match kind {
        Kind::Nats => format!("nats://127.0.0.1:{port}"),
        Kind::Postgres => format!("postgres://{}@127.0.0.1:{port}/postgres", postgres::USER),
        Kind::Redis => format!("redis://127.0.0.1:{port}"),
        Kind::Kafka => format!("127.0.0.1:{port}"),
    }
}

/// Asks a server that was started before.
pub(crate) fn wait_until_answering(
    site: &Site,
    ports: Ports,
    process: &Process,
    limit: Duration,
) -> anyhow::Result<()> {
    wait_until_ready(site, ports, process.pid, limit, || Ok(process.is_alive()))
}

fn wait_until_ready(
    site: &Site,
    ports: Ports,
    pid: u32,
    limit: Duration,
    mut is_alive: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let answer = is_ready(site, ports, pid);
        if !is_alive()? {
            bail!("{} ended before it was ready; {}", site.kind, site.log_end());
        }
        match answer {
            Ok(()) => return Ok(()),
            Err(error) if started.elapsed() > limit => {
                let not_ready = format!("{} does not answer within {limit:?}; {}", site.kind, site.log_end());
                return Err(error.context(not_ready));
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

fn is_ready(site: &Site, ports: Ports, pid: u32) -> anyhow::Result<()> {
    match site.kind {
        Kind::Nats => nats::is_ready(connect(ports.client)?, &site.fingerprint()),
        Kind::Postgres => postgres::is_ready(connect(ports.client)?, &site.data()),
        Kind::Redis => redis::is_ready(connect(ports.client)?, pid),
        Kind::Kafka => kafka::is_ready(connect(ports.client)?, &kafka::cluster_id(site)?),
    }
}

/// A connection on which no read or write takes longer than an answer may.
pub(crate) fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    Ok(stream)
}
