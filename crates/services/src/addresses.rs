//! Where the servers are that `cargo xtask services` started.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::folders;
use crate::kind::Kind;
use crate::launch::connect;
use crate::postgres::{Refusal, Session};

/// How long a server on loopback may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// One address for each server, as its clients want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// `nats://127.0.0.1:PORT`
    pub nats: String,
    /// `postgres://USER@127.0.0.1:PORT/postgres`; no password.
    pub postgres: String,
    /// `redis://127.0.0.1:PORT`
    pub redis: String,
    /// `127.0.0.1:PORT`, the bootstrap server.
    pub kafka: String,
}

/// A server that is not running; says in one line what to run.
#[derive(thiserror::Error)]
#[error("{reason}: run `cargo xtask services`")]
pub struct Missing {
    reason: String,
}

/// The same line, since this is what a failing test shows.
impl fmt::Debug for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Missing {
    pub(crate) fn new(reason: String) -> Self {
        Self { reason }
    }
}

/// The addresses of all servers, from `target/services/services.json` or the file that
/// `THROUGHLINE_SERVICES` names.
///
/// # Errors
/// One of them is not running.
pub fn running() -> Result<Addresses, Missing> {
    Ok(Addresses {
        nats: address(Kind::Nats)?,
        postgres: address(Kind::Postgres)?,
        redis: address(Kind::Redis)?,
        kafka: address(Kind::Kafka)?,
    })
}

/// The address of one server, when the others do not matter.
///
/// # Errors
/// It is not running.
pub fn address(kind: Kind) -> Result<String, Missing> {
    let file = folders::addresses();
    let listed = read(&file).unwrap_or_default();
    let address = listed.get(kind.name());
    let address = address.ok_or_else(|| Missing::new(format!("{kind} is not in {}", file.display())))?;
    let reached = authority(address)
        .and_then(|authority| Ok(TcpStream::connect_timeout(&authority.parse::<SocketAddr>()?, CONNECT)?));
    match reached {
        Ok(_) => Ok(address.clone()),
        Err(error) => Err(Missing::new(format!("{kind} at {address} does not answer ({error})"))),
    }
}

/// The file, a name and an address for each server.
fn read(file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

/// Host and port of an address.
fn authority(address: &str) -> anyhow::Result<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or(rest);
    let authority = rest.rsplit_once('@').map_or(rest, |(_, authority)| authority);
    anyhow::ensure!(authority.contains(':'), "no port in {address:?}");
    Ok(authority)
}

impl Addresses {
    /// The URL of a PostgreSQL database, which is created if it is not there.
    ///
    /// # Panics
    /// PostgreSQL does not answer, or does not create it.
    #[must_use]
    #[expect(clippy::panic, reason = "a test cannot go on without its database")]
    pub fn database(&self, name: &str) -> String {
        match database(&self.postgres, name) {
            Ok(url) => url,
            Err(error) => panic!("PostgreSQL database {name:?}: {error:#}"),
        }
    }
}

/// SQLSTATE of a database that another has just made, first as the check sees it, then as the
/// index of names does.
const EXISTS: [&str; 2] = ["42P04", "23505"];

/// Creates a database if it is not there; its URL.
pub(crate) fn database(postgres: &str, name: &str) -> anyhow::Result<String> {
    let (server, _) = postgres.rsplit_once('/').context("the address names no database")?;
    let user = server.rsplit_once('@').and_then(|(before, _)| before.rsplit_once('/'));
    let user = user.map_or(crate::postgres::USER, |(_, user)| user);
    let port = authority(postgres)?.rsplit_once(':').context("no port")?.1.parse()?;
    let mut session = Session::open(connect(port)?, user, "postgres")?;
    let there = session
        .query(&format!("SELECT 1 FROM pg_database WHERE datname = '{}'", name.replace('\'', "''")))?;
    if there.is_empty() {
        let created = session.query(&format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")));
        if let Err(error) = created {
            let exists = error.downcast_ref::<Refusal>().is_some_and(|no| EXISTS.contains(&&*no.code));
            anyhow::ensure!(exists, error);
        }
    }
    Ok(format!("{server}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_authority_in_each_form_of_address() {
        let forms = [
            "nats://127.0.0.1:4222",
            "postgres://postgres@127.0.0.1:4222/postgres",
            "redis://127.0.0.1:4222",
            "127.0.0.1:4222",
        ];
        for form in forms {
            assert_eq!(authority(form).unwrap(), "127.0.0.1:4222", "{form}");
        }
        assert!(authority("localhost").is_err());
    }

    #[test]
    fn a_missing_server_says_in_one_line_what_to_run() {
        let missing = Missing::new("kafka is not in services.json".to_owned());
        assert_eq!(format!("{missing:?}"), "kafka is not in services.json: run `cargo xtask services`");
    }
}
