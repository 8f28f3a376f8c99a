//! Redis, which may be away: then it is left alone for a while and nobody waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, RedisError};
use throughline_toolkit::opentelemetry::metrics::{Counter, Gauge, Meter};
use throughline_toolkit::redis::TracedConnection;

use crate::config::Config;

/// Longest time a request waits for Redis.
const LIMIT: Duration = Duration::from_millis(250);

/// How long Redis is left alone after it failed.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Cache {
    connection: TracedConnection<ConnectionManager>,
    /// Until when it is left alone, since it failed.
    resting: Mutex<Option<Instant>>,
    errors: Counter<u64>,
    up: Gauge<u64>,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("resting", &self.resting).finish_non_exhaustive()
    }
}

impl Cache {
    /// Connects when it is first asked.
    pub(super) fn new(config: &Config, meter: &Meter) -> anyhow::Result<Self> {
        let client = Client::open(config.redis_url.as_str()).context("redis_url")?;
        let limits = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(LIMIT))
            .set_response_timeout(Some(LIMIT));
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), limits)?;
        let errors = meter.u64_counter("idempotency_cache_errors_total");
        let up = meter.u64_gauge("idempotency_cache_up").with_description("Whether Redis answers: 1 or 0.");
        let up = up.build();
        up.record(1, &[]);
        Ok(Self {
            connection: TracedConnection::new(connection).server(client.get_connection_info()),
            resting: Mutex::new(None),
            errors: errors.with_description("Commands that Redis did not answer.").build(),
            up,
        })
    }

    /// Runs a command. `None`: Redis is away.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let was_away = match *self.resting() {
            Some(until) if Instant::now() < until => return None,
            resting => resting.is_some(),
        };
        let mut connection = self.connection.clone();
        let asked = tokio::time::timeout(LIMIT, command.query_async::<T>(&mut connection)).await;
        match asked.unwrap_or_else(|_| Err(too_slow())) {
            Ok(answer) => {
                if was_away && self.resting().take().is_some() {
                    self.up.record(1, &[]);
                    tracing::info!("Redis is back");
                }
                Some(answer)
            }
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    /// Says so once, however many commands fail.
    fn failed(&self, error: &RedisError) {
        self.errors.add(1, &[]);
        let before = self.resting().replace(Instant::now() + REST);
        if before.is_none() {
            self.up.record(0, &[]);
            tracing::warn!(%error, "Redis is away: every transfer goes to the ledger");
        }
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_slow() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
