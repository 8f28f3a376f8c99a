//! Servers that die and come back.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use throughline_services::{Instance, Kind};
use throughline_toolkit::outbox::{Event, Outbox, OutboxConnection, Publisher, Relay};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Recorder, event, eventually, sqlite, stage};

/// Instances block.
async fn with<R: Send + 'static>(
    mut server: Instance,
    work: impl FnOnce(&mut Instance) -> R + Send + 'static,
) -> (Instance, R) {
    let done = tokio::task::spawn_blocking(move || {
        let outcome = work(&mut server);
        (server, outcome)
    });
    done.await.unwrap()
}

async fn start(kind: Kind) -> Instance {
    tokio::task::spawn_blocking(move || Instance::start(kind).unwrap()).await.unwrap()
}

/// A relay that does not wait long.
fn run<DB, P>(relay: Relay<DB, P>) -> (oneshot::Sender<()>, JoinHandle<Result<(), sqlx::Error>>)
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
    P: Publisher + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let relay = relay.poll_every(Duration::from_millis(20)).attempts_max(1);
    let relay = relay.retry(Duration::from_millis(20), 2.0, Duration::from_millis(200));
    (stop, tokio::spawn(relay.run(async { drop(stopped.await) })))
}

async fn marked(pool: &sqlx::SqlitePool) -> i64 {
    let count = "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL AND dead_at IS NULL";
    sqlx::query_scalar(count).fetch_one(pool).await.unwrap()
}

async fn noticed(pool: &sqlx::SqlitePool) -> bool {
    let count = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND last_error IS NOT NULL";
    sqlx::query_scalar::<_, i64>(count).fetch_one(pool).await.unwrap() > 0
}

/// The messages of a topic or stream may be there twice, but their first copies are in order.
fn assert_in_order(payloads: &[String], count: usize) {
    let mut seen = HashSet::new();
    let first: Vec<&String> = payloads.iter().filter(|payload| seen.insert(*payload)).collect();
    assert_eq!(first.len(), count, "{payloads:?}");
    assert!(first.is_sorted(), "{payloads:?}");
}

#[cfg(feature = "rdkafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_may_die_and_come_back() {
    use rdkafka::consumer::{Consumer, StreamConsumer};
    use rdkafka::message::Message;
    use throughline_toolkit::outbox::KafkaPublisher;

    let server = start(Kind::Kafka).await;
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", server.address());
    config.set("reconnect.backoff.max.ms", "200").set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    super::kafka::create_topic(&config, "entries", 1).await;
    let pool = sqlite().await;
    let publisher = KafkaPublisher::from_config(&config).unwrap();
    let (stop, running) = run(Relay::new(pool.clone(), publisher).send_timeout(Duration::from_millis(500)));
    stage(&pool, Event::new("EntryPosted", "a", "entries", "0")).await;
    eventually("the first", || async { marked(&pool).await == 1 }).await;

    let (server, _) = with(server, |server| server.kill().unwrap()).await;
    for n in 1..4 {
        stage(&pool, Event::new("EntryPosted", "a", "entries", n.to_string())).await;
    }
    eventually("a vain attempt", || noticed(&pool)).await;
    assert_eq!(marked(&pool).await, 1);
    let (server, _) = with(server, |server| server.restart().unwrap()).await;
    eventually("the others", || async { marked(&pool).await == 4 }).await;
    drop(stop);
    running.await.unwrap().unwrap();

    config.set("group.id", "reader").set("auto.offset.reset", "earliest");
    let consumer: StreamConsumer = config.create().unwrap();
    consumer.subscribe(&["entries"]).unwrap();
    let mut payloads = Vec::new();
    while payloads.last().map(String::as_str) != Some("3") {
        let record = tokio::time::timeout(crate::LIMIT, consumer.recv()).await.expect("a record").unwrap();
        payloads.push(String::from_utf8(record.payload().unwrap().to_vec()).unwrap());
    }
    assert_in_order(&payloads, 4);
    // Says good-bye to the group, while it can.
    drop(consumer);
    drop(with(server, |_| ()).await);
}

#[cfg(feature = "nats")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_may_die_and_come_back() {
    use async_nats::jetstream::{self, stream};
    use throughline_toolkit::outbox::NatsPublisher;

    let server = start(Kind::Nats).await;
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut context = jetstream::new(client);
    context.set_timeout(Duration::from_millis(500));
    let subjects = vec!["entries".to_owned()];
    let config = stream::Config { name: "entries".to_owned(), subjects, ..stream::Config::default() };
    context.create_stream(config).await.unwrap();
    let pool = sqlite().await;
    let (stop, running) = run(Relay::new(pool.clone(), NatsPublisher::new(context.clone())));
    stage(&pool, Event::new("EntryPosted", "a", "entries", "0")).await;
    eventually("the first", || async { marked(&pool).await == 1 }).await;

    let (server, _) = with(server, |server| server.kill().unwrap()).await;
    for n in 1..4 {
        stage(&pool, Event::new("EntryPosted", "a", "entries", n.to_string())).await;
    }
    eventually("a vain attempt", || noticed(&pool)).await;
    assert_eq!(marked(&pool).await, 1);
    let (server, _) = with(server, |server| server.restart().unwrap()).await;
    eventually("the others", || async { marked(&pool).await == 4 }).await;
    drop(stop);
    running.await.unwrap().unwrap();

    let mut stream = context.get_stream("entries").await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    let mut payloads = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        let stored = stream.get_raw_message(sequence).await.unwrap();
        payloads.push(String::from_utf8(stored.payload.to_vec()).unwrap());
    }
    assert_eq!(payloads, ["0", "1", "2", "3"], "once, by the message's id");
    drop(with(server, |_| ()).await);
}

async fn private_postgres() -> (Instance, PgPool) {
    let server = start(Kind::Postgres).await;
    let options = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_millis(500));
    let pool = options.connect(&server.address()).await.unwrap();
    Outbox::create_table(&pool).await.unwrap();
    (server, pool)
}

async fn stage_once(pool: &PgPool, event_type: &str) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    Outbox::new().stage(&mut *tx, event(event_type, "a")).await?;
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_may_die_and_come_back() {
    let ((server, pool), recorder) = (private_postgres().await, Recorder::new());
    let (stop, running) = run(Relay::new(pool.clone(), recorder.clone()));
    stage_once(&pool, "Before").await.unwrap();
    eventually("the first", || async { recorder.types() == ["Before"] }).await;
    let (server, _) = with(server, |server| server.kill().unwrap()).await;
    eventually("a vain attempt", || async { stage_once(&pool, "Lost").await.is_err() }).await;
    assert!(!running.is_finished());
    let (server, _) = with(server, |server| server.restart().unwrap()).await;
    eventually("a connection", || async { stage_once(&pool, "After").await.is_ok() }).await;
    eventually("the others", || async { recorder.types().last().unwrap() == "After" }).await;
    drop(stop);
    running.await.unwrap().unwrap();
    drop(with(server, |_| ()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_does_not_hold_up_the_end() {
    let ((server, pool), recorder) = (private_postgres().await, Recorder::new());
    let (stop, running) = run(Relay::new(pool.clone(), recorder.clone()));
    stage_once(&pool, "Before").await.unwrap();
    eventually("the first", || async { recorder.types() == ["Before"] }).await;
    let (server, _) = with(server, |server| server.pause().unwrap()).await;
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    ended.expect("an end").unwrap().unwrap();
    let (server, _) = with(server, |server| server.resume().unwrap()).await;
    drop(with(server, |_| ()).await);
}
