//! Which servers there are.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

/// A server that tests can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// nats-server with JetStream.
    Nats,
    /// PostgreSQL 15 or newer.
    Postgres,
    /// Redis, each write synced to its append-only file.
    Redis,
    /// Apache Kafka, one node that is broker and controller.
    Kafka,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nats, Self::Postgres, Self::Redis, Self::Kafka];

    /// Its name in the command line, in `services.json` and as a folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match Self::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => Ok(kind),
            None => bail!("no server is called {name:?}; there are: nats, postgres, redis, kafka"),
        }
    }
}
