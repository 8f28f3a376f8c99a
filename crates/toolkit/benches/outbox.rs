//! How long a message takes through the outbox: from the beginning of the transaction that stages
//! it, on PostgreSQL, to the answer of Kafka, as `cargo xtask services` has started them.
//!
//! First one message at a time, which is the way itself, then many at a steady pace, which shows
//! what they do to each other. The relay is woken by the commits and has telemetry.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use throughline_services::{Kind, address};
use throughline_toolkit::outbox::{
    Broker, Event, KafkaPublisher, Message, Outbox, PublishError, Publisher, Receipt, Relay,
};
use throughline_toolkit::{Environment, Telemetry};
use tokio::task::JoinSet;
use uuid::Uuid;

const ALONE: usize = 1_000;
const AT_A_PACE: u32 = 5_000;
/// Messages a second.
const PACES: [u32; 2] = [100, 500];
const KEYS: u32 = 100;

/// Kafka, and when it answered.
#[derive(Clone)]
struct Timed {
    inner: Arc<KafkaPublisher>,
    answered: Arc<Mutex<HashMap<Uuid, Instant>>>,
}

impl Publisher for Timed {
    fn broker(&self) -> Broker {
        self.inner.broker()
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        let receipt = self.inner.publish(message).await?;
        self.answered.lock().unwrap().insert(message.id, Instant::now());
        Ok(receipt)
    }
}

#[derive(Clone)]
struct Staging {
    pool: PgPool,
    outbox: Outbox,
    topic: String,
}

impl Staging {
    async fn stage(&self, number: u32) -> Uuid {
        let mut tx = self.pool.begin().await.unwrap();
        let event = Event::new("EntryPosted", number % KEYS, &self.topic, vec![7; 200]);
        let id = self.outbox.stage(&mut *tx, event).await.unwrap();
        tx.commit().await.unwrap();
        self.outbox.notify();
        id
    }
}

impl Timed {
    async fn answer(&self, id: Uuid) -> Instant {
        loop {
            if let Some(answered) = self.answered.lock().unwrap().get(&id) {
                return *answered;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
}

async fn topic(kafka: &ClientConfig) -> String {
    let name = format!("bench.outbox.{}", Uuid::now_v7());
    let admin: AdminClient<DefaultClientContext> = kafka.create().unwrap();
    let new = NewTopic::new(&name, 3, TopicReplication::Fixed(1));
    admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
    name
}

/// A pool on a schema of its own.
async fn pool(schema: &str) -> PgPool {
    let url = address(Kind::Postgres).unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut admin).await.unwrap();
    let pool = PgPoolOptions::new().max_connections(16);
    pool.connect(&format!("{url}?options=-c%20search_path%3D{schema}")).await.unwrap()
}

fn tell(name: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = ((latencies.len() - 1) as f64 * share).round() as usize;
        latencies[place].as_secs_f64() * 1_000.0
    };
    println!(
        "{name}: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

async fn alone(staging: &Staging, timed: &Timed) {
    let mut latencies = Vec::new();
    for number in 0..ALONE {
        let began = Instant::now();
        let id = staging.stage(u32::try_from(number).unwrap()).await;
        latencies.push(timed.answer(id).await - began);
    }
    // Until connections are warm and statements prepared.
    tell("one at a time", latencies.split_off(ALONE / 10));
}

/// Messages begin when it is their time, whatever became of those before.
async fn at_a_pace(staging: &Staging, timed: &Timed, pace: u32) {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / pace);
    let mut staged = JoinSet::new();
    for number in 0..AT_A_PACE.min(pace * 10) {
        clock.tick().await;
        let (staging, began) = (staging.clone(), Instant::now());
        staged.spawn(async move { (staging.stage(number).await, began) });
    }
    let mut latencies = Vec::new();
    while let Some(ended) = staged.join_next().await {
        let (id, began) = ended.unwrap();
        latencies.push(timed.answer(id).await - began);
    }
    tell(&format!("{pace} a second"), latencies);
}

#[tokio::main]
async fn main() {
    let environment = Environment::from_pairs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    let telemetry = Telemetry::builder().environment(environment).log_lines(false).install().unwrap();
    let mut kafka = ClientConfig::new();
    kafka.set("bootstrap.servers", address(Kind::Kafka).unwrap());
    let schema = format!("bench_{}", Uuid::now_v7().simple());
    let pool = pool(&schema).await;
    Outbox::create_table(&pool).await.unwrap();
    let inner = Arc::new(KafkaPublisher::from_config(&kafka).unwrap());
    let timed = Timed { inner, answered: Arc::default() };
    let staging = Staging { pool: pool.clone(), outbox: Outbox::new(), topic: topic(&kafka).await };
    let relay = Relay::new(pool.clone(), timed.clone()).woken_by(&staging.outbox);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let relaying = tokio::spawn(relay.run(async { drop(stopped.await) }));
    alone(&staging, &timed).await;
    for pace in PACES {
        at_a_pace(&staging, &timed, pace).await;
    }
    drop(stop);
    relaying.await.unwrap().unwrap();
    sqlx::query(AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"))).execute(&pool).await.unwrap();
    let admin: AdminClient<DefaultClientContext> = kafka.create().unwrap();
    admin.delete_topics(&[&staging.topic], &AdminOptions::new()).await.unwrap();
    telemetry.shutdown(Duration::from_secs(2)).await;
}
