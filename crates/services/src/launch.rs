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

/// Is told of a server's ports and process before it is ready.
pub(crate) type Spawned<'a> = dyn FnMut(Ports, &Process) -> anyhow::Result<()> + 'a;

/// A server that is ready, our child.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) child: Child,
    pub(crate) process: Process,
    pub(crate) ports: Ports,
}

/// Starts a server on ports that nobody has; others are tried when someone was faster.
pub(crate) fn on_new_ports(
    site: &Site,
    installed: &Installed,
    spawned: &mut Spawned<'_>,
) -> anyhow::Result<Launched> {
    let mut attempt = 0;
    loop {
        let ports = Ports::find()?;
        match on_ports(site, installed, ports, spawned) {
            Ok(launched) => return Ok(launched),
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
) -> anyhow::Result<Launched> {
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
    // Nobody else has its id before we have waited for it.
    let process = Process::of(child.id())?;
    let ready = spawned(ports, &process).and_then(|()| wait_until_ready(site, ports, &process, READY));
    if let Err(error) = ready {
        process.kill_tree()?;
        child.wait()?;
        return Err(error);
    }
    Ok(Launched { child, process, ports })
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

/// Asks a server until it answers; fails at once when it ends.
pub(crate) fn wait_until_ready(
    site: &Site,
    ports: Ports,
    process: &Process,
    limit: Duration,
) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let answer = is_ready(site, ports, process.pid);
        if !process.is_alive() {
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
