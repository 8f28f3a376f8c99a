//! The servers that the ledger system needs: where they are, and which are missing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::cli::ServerArgs;

/// Written by `cargo xtask services`.
const KNOWN: &str = "target/services/services.json";

/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// Addresses of the servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Servers {
    /// `postgres://user@host:port/postgres`.
    pub(super) postgres: String,
    /// `redis://host:port`.
    pub(super) redis: String,
    /// `host:port`.
    pub(super) kafka: String,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            postgres: "postgres://postgres@127.0.0.1:5432/postgres".to_owned(),
            redis: "redis://127.0.0.1:6379".to_owned(),
            kafka: "127.0.0.1:9092".to_owned(),
        }
    }
}

impl Servers {
    /// What the command line says; else what the servers of this checkout say; else the usual
    /// ports.
    ///
    /// # Errors
    /// A file that was named cannot be read.
    pub(super) fn find(args: &ServerArgs) -> anyhow::Result<Self> {
        let mut servers = match &args.services {
            Some(file) => read(file)?,
            None if Path::new(KNOWN).exists() => read(&PathBuf::from(KNOWN))?,
            None => Self::default(),
        };
        let given = [
            (&args.postgres_url, &mut servers.postgres),
            (&args.redis_url, &mut servers.redis),
            (&args.kafka, &mut servers.kafka),
        ];
        for (given, place) in given {
            if let Some(given) = given {
                place.clone_from(given);
            }
        }
        Ok(servers)
    }

    /// A line for each server that does not answer; none: the system can run.
    pub(super) async fn missing(&self) -> Vec<String> {
        let wanted = [
            ("PostgreSQL", host_and_port(&self.postgres, 5432), "--postgres-url"),
            ("Redis", host_and_port(&self.redis, 6379), "--redis-url"),
            ("Kafka", host_and_port(&self.kafka, 9092), "--kafka"),
        ];
        let mut missing = Vec::new();
        for (name, address, option) in wanted {
            if !answers(&address).await {
                missing.push(format!("{name} does not answer at {address} ({option})"));
            }
        }
        missing
    }
}

fn read(file: &Path) -> anyhow::Result<Servers> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{}: the servers' addresses cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: not what is expected", file.display()))
}

async fn answers(address: &str) -> bool {
    matches!(tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Host and port of a URL or of the first of `host:port,host:port`.
fn host_and_port(url: &str, default_port: u16) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', ',']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{default_port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_host_and_port_in_every_form() {
        for (url, wanted) in [
            ("postgres://me:secret@db.example:5433/postgres?sslmode=disable", "db.example:5433"),
            ("redis://cache", "cache:6379"),
            ("one:9092,two:9093", "one:9092"),
            ("redis://[::1]:6380/0", "[::1]:6380"),
        ] {
            assert_eq!(host_and_port(url, 6379), wanted);
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, r#"{"nats": "x", "redis": "redis://a:1", "kafka": "b:2"}"#).unwrap();
        let args = ServerArgs {
            services: Some(file.path().to_owned()),
            kafka: Some("c:3".to_owned()),
            ..ServerArgs::default()
        };
        let servers = Servers::find(&args).unwrap();
        assert_eq!((servers.redis.as_str(), servers.kafka.as_str()), ("redis://a:1", "c:3"));
        assert_eq!(servers.postgres, Servers::default().postgres);
    }

    #[tokio::test]
    async fn names_every_server_that_is_missing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap().to_string();
        let nowhere = "127.0.0.1:1".to_owned();
        let servers =
            Servers { postgres: format!("postgres://{there}/x"), redis: nowhere.clone(), kafka: nowhere };
        let missing = servers.missing().await;
        assert_eq!(
            missing,
            [
                "Redis does not answer at 127.0.0.1:1 (--redis-url)",
                "Kafka does not answer at 127.0.0.1:1 (--kafka)"
            ]
        );
    }
}
