//! Configuration: a YAML file, then environment variables over it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use throughline_toolkit::TracingConfig;

/// Which of the four services a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Service {
    /// Opens accounts.
    Accounts,
    /// Books entries: the authority on every balance.
    Ledger,
    /// Takes clients' transfers.
    Orchestrator,
    /// Projects what was booked into balances and statements.
    ReadModel,
}

impl Service {
    /// All four, dependencies first.
    pub const ALL: [Self; 4] = [Self::Accounts, Self::Ledger, Self::ReadModel, Self::Orchestrator];

    /// The name on the command line and in `service.name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Ledger => "ledger",
            Self::Orchestrator => "orchestrator",
            Self::ReadModel => "read-model",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Accounts => 7101,
            Self::Ledger => 7102,
            Self::Orchestrator => 7103,
            Self::ReadModel => 7104,
        }
    }

    fn default_database(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Ledger => "ledger",
            Self::Orchestrator => "orchestrator",
            Self::ReadModel => "read_model",
        }
    }
}

const DAY_SECONDS: u64 = 24 * 3600;

/// Everything a service can be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on; empty: loopback and the service's own port.
    pub listen: String,
    /// Where accounts is.
    pub accounts_url: String,
    /// Where the ledger is.
    pub ledger_url: String,
    /// The PostgreSQL server and a database of it that exists: `postgres://…/postgres`.
    pub database_url: String,
    /// The service's own database, created when it is not there; empty: `accounts`, `ledger`,
    /// `read_model`.
    pub database_name: String,
    /// Most connections to it.
    pub database_connections: u32,
    /// Redis, of the orchestrator.
    pub redis_url: String,
    /// Kafka's bootstrap servers, `host:port` with commas between.
    pub kafka: String,
    /// Where events go. Created when it is not there.
    pub topic: String,
    /// Partitions of a topic that is created.
    pub topic_partitions: i32,
    /// How long a topic that is created keeps events, seconds; 0: for ever. Of one that is there
    /// already its own setting counts.
    pub topic_retention_seconds: u64,
    /// Consumer group of the read-model.
    pub consumer_group: String,
    /// Longest time to wait for one answer of another service, milliseconds.
    pub upstream_timeout_ms: u64,
    /// How often another service is asked before it counts as down.
    pub upstream_tries: u32,
    /// How long Redis keeps an answer, seconds.
    pub answer_ttl_seconds: u64,
    /// How long the ledger keeps an answer, and with it the idempotency key, seconds; 0: for ever.
    /// After that the same order is a new one: longer than any client tries.
    pub idempotency_retention_seconds: u64,
    /// How long the read-model remembers which events it has seen, seconds; 0: for ever. Longer
    /// than the topic keeps them, as all of it may be read again.
    pub inbox_retention_seconds: u64,
    /// How long events that were sent stay in the outbox, seconds; 0: for ever.
    pub outbox_retention_seconds: u64,
    /// How often the ledger and the read-model look for what they have kept long enough,
    /// milliseconds.
    pub retention_every_ms: u64,
    /// How long a transfer counts as under way when its orchestrator says nothing, milliseconds.
    pub in_flight_ttl_ms: u64,
    /// How long a repeated transfer waits for the answer to the one under way, milliseconds.
    pub in_flight_wait_ms: u64,
    /// How often a server is tried at start.
    pub start_tries: u32,
    /// Longest pause between two such tries, milliseconds.
    pub start_pause_ms: u64,
    /// Instrumentation; `OTEL_*` and `TRACING_*` variables go before it.
    pub tracing: TracingConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: String::new(),
            accounts_url: "http://127.0.0.1:7101".to_owned(),
            ledger_url: "http://127.0.0.1:7102".to_owned(),
            database_url: "postgres://postgres@127.0.0.1:5432/postgres".to_owned(),
            database_name: String::new(),
            database_connections: 8,
            redis_url: "redis://127.0.0.1:6379".to_owned(),
            kafka: "127.0.0.1:9092".to_owned(),
            topic: "ledger.entry.v1".to_owned(),
            topic_partitions: 3,
            topic_retention_seconds: 7 * DAY_SECONDS,
            consumer_group: "read-model".to_owned(),
            upstream_timeout_ms: 2000,
            upstream_tries: 3,
            answer_ttl_seconds: DAY_SECONDS,
            idempotency_retention_seconds: DAY_SECONDS,
            inbox_retention_seconds: 14 * DAY_SECONDS,
            outbox_retention_seconds: DAY_SECONDS,
            retention_every_ms: 60_000,
            in_flight_ttl_ms: 15_000,
            in_flight_wait_ms: 1000,
            start_tries: 30,
            start_pause_ms: 2000,
            tracing: TracingConfig::default(),
        }
    }
}

impl Config {
    /// Reads the file, if one is given, and puts environment variables over it: each key but
    /// `tracing` in capitals (`LISTEN`, `DATABASE_URL`, `KAFKA`, `UPSTREAM_TIMEOUT_MS`, …).
    ///
    /// # Errors
    /// A file that cannot be read or has unknown keys, a variable that is no number.
    pub fn load(path: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut config: Self = match path {
            None => Self::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{}: cannot be read", path.display()))?;
                serde_yaml_ng::from_str(&text).with_context(|| path.display().to_string())?
            }
        };
        for (name, place) in [
            ("LISTEN", &mut config.listen),
            ("ACCOUNTS_URL", &mut config.accounts_url),
            ("LEDGER_URL", &mut config.ledger_url),
            ("DATABASE_URL", &mut config.database_url),
            ("DATABASE_NAME", &mut config.database_name),
            ("REDIS_URL", &mut config.redis_url),
            ("KAFKA", &mut config.kafka),
            ("TOPIC", &mut config.topic),
            ("CONSUMER_GROUP", &mut config.consumer_group),
        ] {
            if let Some(value) = environment(name) {
                *place = value;
            }
        }
        number(&environment, "DATABASE_CONNECTIONS", &mut config.database_connections)?;
        number(&environment, "TOPIC_PARTITIONS", &mut config.topic_partitions)?;
        number(&environment, "UPSTREAM_TIMEOUT_MS", &mut config.upstream_timeout_ms)?;
        number(&environment, "UPSTREAM_TRIES", &mut config.upstream_tries)?;
        number(&environment, "ANSWER_TTL_SECONDS", &mut config.answer_ttl_seconds)?;
        number(&environment, "IN_FLIGHT_TTL_MS", &mut config.in_flight_ttl_ms)?;
        number(&environment, "IN_FLIGHT_WAIT_MS", &mut config.in_flight_wait_ms)?;
        number(&environment, "TOPIC_RETENTION_SECONDS", &mut config.topic_retention_seconds)?;
        number(&environment, "IDEMPOTENCY_RETENTION_SECONDS", &mut config.idempotency_retention_seconds)?;
        number(&environment, "INBOX_RETENTION_SECONDS", &mut config.inbox_retention_seconds)?;
        number(&environment, "OUTBOX_RETENTION_SECONDS", &mut config.outbox_retention_seconds)?;
        number(&environment, "RETENTION_EVERY_MS", &mut config.retention_every_ms)?;
        number(&environment, "START_TRIES", &mut config.start_tries)?;
        number(&environment, "START_PAUSE_MS", &mut config.start_pause_ms)?;
        config.check()
    }

    /// An inbox that forgets before the topic does would take what is read again for new.
    fn check(self) -> anyhow::Result<Self> {
        let (inbox, topic) = (kept(self.inbox_retention_seconds), kept(self.topic_retention_seconds));
        ensure!(
            inbox.is_none_or(|inbox| topic.is_some_and(|topic| inbox > topic)),
            "inbox_retention_seconds must be longer than topic_retention_seconds, or 0"
        );
        Ok(self)
    }

    /// The address that a service listens on.
    #[must_use]
    pub fn listen_address(&self, service: Service) -> String {
        if self.listen.is_empty() {
            format!("127.0.0.1:{}", service.default_port())
        } else {
            self.listen.clone()
        }
    }

    /// The name of a service's own database.
    #[must_use]
    pub fn database_of(&self, service: Service) -> &str {
        if self.database_name.is_empty() { service.default_database() } else { &self.database_name }
    }

    /// How long the ledger keeps answers, unless for ever.
    pub(crate) fn idempotency_retention(&self) -> Option<Duration> {
        kept(self.idempotency_retention_seconds)
    }

    /// How long the read-model remembers events, unless for ever.
    pub(crate) fn inbox_retention(&self) -> Option<Duration> {
        kept(self.inbox_retention_seconds)
    }

    /// How long events that were sent stay in the outbox.
    pub(crate) fn outbox_retention(&self) -> Duration {
        kept(self.outbox_retention_seconds).unwrap_or(Duration::MAX)
    }

    /// How often to look for what was kept long enough.
    pub(crate) fn retention_every(&self) -> Duration {
        Duration::from_millis(self.retention_every_ms.max(1))
    }

    /// Longest time to wait for one answer of another service.
    #[must_use]
    pub fn upstream_timeout(&self) -> Duration {
        Duration::from_millis(self.upstream_timeout_ms)
    }
}

/// A time after which something goes; 0 is never.
fn kept(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn number<T: std::str::FromStr>(
    environment: &impl Fn(&str) -> Option<String>,
    name: &str,
    place: &mut T,
) -> anyhow::Result<()> {
    if let Some(text) = environment(name) {
        let parsed = text.parse().ok();
        *place = parsed.with_context(|| format!("{name}={text:?} is not a number"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "topic: a\nupstream_tries: 5\ntracing: {enabled: false, sampling_rate: 0.1}\n")
            .unwrap();
        let environment = |name: &str| (name == "TOPIC").then(|| "b".to_owned());
        let config = Config::load(Some(file.path()), environment).unwrap();
        assert_eq!((config.topic.as_str(), config.upstream_tries), ("b", 5));
        assert_eq!((config.tracing.enabled, config.tracing.sampling_rate), (false, Some(0.1)));
    }

    #[test]
    fn unknown_keys_and_bad_numbers_are_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "topik: a\n").unwrap();
        let error = format!("{:#}", Config::load(Some(file.path()), |_| None).unwrap_err());
        assert!(error.contains("topik"), "{error}");
        let bad = |name: &str| (name == "START_TRIES").then(|| "many".to_owned());
        let error = Config::load(None, bad).unwrap_err().to_string();
        assert_eq!(error, "START_TRIES=\"many\" is not a number");
    }

    #[test]
    fn an_inbox_that_forgets_before_its_topic_is_refused() {
        let load = |inbox: &str, topic: &str| {
            let set = [("INBOX_RETENTION_SECONDS", inbox), ("TOPIC_RETENTION_SECONDS", topic)];
            let value =
                |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
            Config::load(None, value)
        };
        for (inbox, topic) in [("61", "60"), ("0", "60"), ("0", "0")] {
            assert!(load(inbox, topic).is_ok(), "{inbox} {topic}");
        }
        for (inbox, topic) in [("60", "60"), ("60", "0")] {
            let error = load(inbox, topic).unwrap_err().to_string();
            assert!(error.contains("topic_retention_seconds"), "{error}");
        }
    }

    #[test]
    fn each_service_has_a_port_and_a_database_of_its_own() {
        let config = Config::default();
        assert_eq!(config.listen_address(Service::ReadModel), "127.0.0.1:7104");
        assert_eq!(config.database_of(Service::ReadModel), "read_model");
    }
}
