//! The outbox: staging, relaying, and what is told of it.

mod contract;
mod failures;
mod gauges;
#[cfg(feature = "rdkafka")]
mod kafka;
mod lease;
#[cfg(feature = "nats")]
mod nats;
mod order;
mod outages;
mod postgresql;
mod relaying;
mod retention;
mod staging;
mod trace;

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, PgPool, Pool, SqliteConnection, SqlitePool};
use throughline_toolkit::Telemetry;
use throughline_toolkit::outbox::{
    Broker, Event, Message, Outbox, OutboxConnection, PublishError, Publisher, Receipt, Relay,
};
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode};
use crate::{LIMIT, services, telemetry};

const TOPIC: &str = "ledger.entry.v1";

type Refusal = dyn Fn(&Message) -> Option<PublishError> + Send + Sync;

/// A broker that takes note of what it takes, and refuses what it is told to.
#[derive(Clone)]
struct Recorder {
    taken: Arc<Mutex<Vec<Message>>>,
    refuse: Arc<Refusal>,
}

impl Recorder {
    fn new() -> Self {
        Self::refusing(|_| None)
    }

    fn refusing(refuse: impl Fn(&Message) -> Option<PublishError> + Send + Sync + 'static) -> Self {
        Self { taken: Arc::default(), refuse: Arc::new(refuse) }
    }

    fn taken(&self) -> Vec<Message> {
        self.taken.lock().unwrap().clone()
    }

    /// What was taken, by event type.
    fn types(&self) -> Vec<String> {
        self.taken().into_iter().map(|message| message.event_type).collect()
    }
}

impl Publisher for Recorder {
    fn broker(&self) -> Broker {
        Broker::Kafka
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        // The answer of a broker is never there at once.
        tokio::task::yield_now().await;
        if let Some(error) = (self.refuse)(message) {
            return Err(error);
        }
        self.taken.lock().unwrap().push(message.clone());
        Ok(Receipt::default().with(opentelemetry::KeyValue::new("messaging.kafka.offset", 5)))
    }
}

/// A clock that is set by hand.
#[derive(Clone, Default)]
struct HandClock(Arc<AtomicU64>);

impl HandClock {
    /// Starts now, as rows are staged by the system's clock.
    fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self(Arc::new(AtomicU64::new(u64::try_from(now.as_micros()).unwrap())))
    }

    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }

    fn read(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let clock = self.clone();
        move || UNIX_EPOCH + Duration::from_micros(clock.0.load(Ordering::Relaxed))
    }
}

/// An outbox in a database in memory. Not for tests of spans: the thread on which sqlx runs SQLite
/// holds on to the span of a statement, and may be the last to let go of it, where the subscriber
/// is not known, which here is not the whole process's.
async fn sqlite() -> SqlitePool {
    /// The database lives as long as a connection, and a relay may take the pool's with it.
    static KEPT: Mutex<Vec<SqliteConnection>> = Mutex::new(Vec::new());
    let name = format!("sqlite:file:{}?mode=memory&cache=shared", uuid::Uuid::now_v7());
    let options = SqliteConnectOptions::from_str(&name).unwrap();
    let kept = options.connect().await.unwrap();
    KEPT.lock().unwrap().push(kept);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    Outbox::create_table(&pool).await.unwrap();
    pool
}

/// An outbox in a schema of its own.
async fn postgres() -> PgPool {
    let pool = services::postgres_schema().await;
    Outbox::create_table(&pool).await.unwrap();
    pool
}

fn relay<DB>(pool: &Pool<DB>, publisher: &Recorder) -> Relay<DB, Recorder>
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
{
    Relay::new(pool.clone(), publisher.clone())
}

/// Stages one event in a transaction of its own.
async fn stage<DB>(pool: &Pool<DB>, event: Event) -> String
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
{
    let mut tx = pool.begin().await.unwrap();
    let id = Outbox::new().stage(&mut *tx, event).await.unwrap();
    tx.commit().await.unwrap();
    id.to_string()
}

fn event(event_type: &str, aggregate: &str) -> Event {
    Event::new(event_type, aggregate, TOPIC, format!("{{\"about\":\"{aggregate}\"}}"))
}

/// Runs `work` with telemetry that sends to the collector it returns.
fn run<F: Future<Output = ()>>(variables: &[(&str, &str)], work: F) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    within(&telemetry, work);
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless(), "{report}");
    collector
}

fn within<F: Future>(telemetry: &Telemetry, work: F) -> F::Output {
    crate::keep_other_subscribers();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work.with_subscriber(telemetry.dispatch().clone()))
}

/// Waits until `condition` holds.
async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "never: {what}");
}
