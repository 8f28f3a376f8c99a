//! Brokers and databases that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use sqlx::SqlitePool;
use throughline_toolkit::outbox::{
    Broker, Event, Inbox, Message, Outbox, PublishError, Publisher, Receipt, Relay,
};
use tokio::sync::Notify;
use tracing::instrument::WithSubscriber;

use super::{HandClock, Recorder, TOPIC, event, eventually, postgres, relay, run, sqlite, stage};
use crate::collector::Collector;

/// The texts of the log records that begin like this.
fn logs(collector: &Collector, start: &str) -> usize {
    let received = collector.received();
    let texts = received.logs.iter().filter_map(|log| log.body.as_ref()?.value.as_ref());
    texts.filter(|value| matches!(value, Value::StringValue(text) if text.starts_with(start))).count()
}

#[tokio::test]
async fn each_retry_waits_longer() {
    let (pool, clock) = (sqlite().await, HandClock::start());
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let recorder = Recorder::refusing(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Some(PublishError::transient("not now"))
    });
    stage(&pool, event("EntryPosted", "a")).await;
    let relay = relay(&pool, &recorder).clock(clock.read());
    let mut relay = relay.retry(Duration::from_secs(1), 2.0, Duration::from_secs(6));
    relay.once().await.unwrap();
    // Varied by up to a fifth.
    for (after, wait) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 6.0), (5, 6.0)] {
        assert_eq!(attempts.load(Ordering::Relaxed), after);
        clock.advance(Duration::from_secs_f64(wait * 0.79));
        relay.once().await.unwrap();
        assert_eq!(attempts.load(Ordering::Relaxed), after, "too early");
        clock.advance(Duration::from_secs_f64(wait * 0.42));
        relay.once().await.unwrap();
    }
}

#[tokio::test]
async fn a_message_that_is_refused_too_often_is_put_aside() {
    let (pool, clock) = (sqlite().await, HandClock::start());
    let recorder = Recorder::refusing(|_| Some(PublishError::transient("not this one")));
    stage(&pool, event("EntryPosted", "a")).await;
    let mut relay = relay(&pool, &recorder).attempts_max(3).clock(clock.read());
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        let passed = relay.once().await.unwrap();
        outcomes.push((passed.failed, passed.dead));
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(outcomes, [(1, 0), (1, 0), (0, 1), (0, 0)]);
}

#[test]
fn a_broker_that_is_away_costs_no_message_an_attempt() {
    let away = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&away);
    let recorder = Recorder::refusing(move |message| {
        let unreachable = message.destination == TOPIC && told.load(Ordering::Relaxed);
        unreachable.then(|| PublishError::unavailable("connection refused"))
    });
    let observer = recorder.clone();
    let collector = run(&[], async move {
        let (pool, clock) = (postgres().await, HandClock::start());
        for (n, aggregate) in ["a", "b", "c"].into_iter().enumerate() {
            stage(&pool, event(&format!("E{n}"), aggregate)).await;
            stage(&pool, Event::new(format!("O{n}"), aggregate, "other", "")).await;
        }
        let mut relay = relay(&pool, &observer).attempts_max(1).concurrency(1).clock(clock.read());
        let first = relay.once().await.unwrap();
        assert_eq!((first.sent, first.failed, first.dead), (3, 1, 0), "the other topic goes on");
        for _ in 0..20 {
            assert_eq!(relay.once().await.unwrap().failed, 0, "it is left alone for a while");
            clock.advance(Duration::from_secs(60));
            let probe = relay.once().await.unwrap();
            assert_eq!((probe.sent, probe.failed, probe.dead), (0, 1, 0), "one message finds out");
        }
        away.store(false, Ordering::Relaxed);
        clock.advance(Duration::from_secs(60));
        assert_eq!(relay.once().await.unwrap().sent, 3);
    });
    assert_eq!(recorder.types().split_off(3), ["E0", "E1", "E2"]);
    assert_eq!(logs(&collector, "the broker is not available"), 1);
    assert_eq!(logs(&collector, "the broker is available again"), 1);
    // Each attempt says how many there were.
    let spans = collector.spans();
    let numbers = spans.iter().filter(|span| span.name == "publishEvent");
    let numbers = numbers.filter_map(|span| crate::collector::attribute(&span.attributes, "attempts"));
    let mut numbers: Vec<u32> = numbers.map(|number| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [vec![1; 6], (2..=22).collect()].concat());
}

/// A broker that never answers, but has the message.
#[derive(Clone, Default)]
struct Silent {
    got: Arc<std::sync::Mutex<Vec<String>>>,
    arrived: Arc<Notify>,
}

impl Publisher for Silent {
    fn broker(&self) -> Broker {
        Broker::Other("silent")
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        self.got.lock().unwrap().push(message.id.to_string());
        self.arrived.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_away() {
    let pool = sqlite().await;
    stage(&pool, event("EntryPosted", "a")).await;
    let mut relay = Relay::new(pool.clone(), Silent::default()).send_timeout(Duration::from_millis(5));
    assert_eq!(relay.once().await.unwrap().failed, 1);
    let error: String = sqlx::query_scalar("SELECT last_error FROM outbox").fetch_one(&pool).await.unwrap();
    assert_eq!(error, "the broker is not available: no answer within 5 ms");
}

#[tokio::test]
async fn a_relay_that_dies_before_marking_sends_again_and_the_consumer_can_tell() {
    let pool = sqlite().await;
    Inbox::create_table(&pool).await.unwrap();
    let id = stage(&pool, event("EntryPosted", "a")).await;
    let silent = Silent::default();
    let dying = Relay::new(pool.clone(), silent.clone());
    let task = tokio::spawn(dying.run(std::future::pending()));
    silent.arrived.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());

    let (recorder, clock) = (Recorder::new(), HandClock::start());
    // When the lease of the dead one has lapsed.
    clock.advance(Duration::from_secs(11));
    assert_eq!(relay(&pool, &recorder).clock(clock.read()).once().await.unwrap().sent, 1);
    let received = [silent.got.lock().unwrap()[0].clone(), recorder.taken()[0].id.to_string()];
    assert_eq!(received, [id.clone(), id.clone()], "the same id");
    let mut answers = Vec::new();
    for message_id in &received {
        let mut tx = pool.begin().await.unwrap();
        answers.push(Inbox::first(&mut *tx, "read-model", message_id).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(answers, [true, false]);
    // Another consumer has its own memory, and what is rolled back was never seen.
    for _ in 0..2 {
        let mut tx = pool.begin().await.unwrap();
        assert!(Inbox::first(&mut *tx, "search", &id).await.unwrap());
        tx.rollback().await.unwrap();
    }
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(Inbox::forget(&mut *connection, Duration::from_secs(3600), 10).await.unwrap(), 0);
    assert_eq!(Inbox::forget(&mut *connection, Duration::ZERO, 10).await.unwrap(), 1);
}

/// A database in a file, for several connections.
async fn in_a_file() -> (tempfile::TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("outbox.db").display());
    let pool = SqlitePool::connect(&url).await.unwrap();
    Outbox::create_table(&pool).await.unwrap();
    (folder, pool)
}

/// A broker during whose work the database goes away.
struct Cut(SqlitePool, AtomicU32);

impl Publisher for Cut {
    fn broker(&self) -> Broker {
        Broker::Kafka
    }

    async fn publish(&self, _: &Message) -> Result<Receipt, PublishError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        sqlx::query("ALTER TABLE outbox RENAME TO away").execute(&self.0).await.unwrap();
        Ok(Receipt::default())
    }
}

#[tokio::test]
async fn what_was_sent_while_the_database_went_away_is_marked_later_and_not_sent_again() {
    let (_folder, pool) = in_a_file().await;
    stage(&pool, event("EntryPosted", "a")).await;
    let mut relay = Relay::new(pool.clone(), Cut(pool.clone(), AtomicU32::new(0)));
    relay.once().await.unwrap_err();
    relay.once().await.unwrap_err();
    sqlx::query("ALTER TABLE away RENAME TO outbox").execute(&pool).await.unwrap();
    assert_eq!(relay.once().await.unwrap().sent, 0);
    let marked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL AND attempts = 1")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(marked, 1);
}

#[test]
fn a_relay_outlives_its_database_and_says_so_once() {
    let recorder = Recorder::new();
    let collector = run(&[], async move {
        let pool = postgres().await;
        sqlx::query("ALTER TABLE outbox RENAME TO away").execute(&pool).await.unwrap();
        let relay = relay(&pool, &recorder).poll_every(Duration::from_millis(1));
        let relay = relay.retry(Duration::from_millis(1), 1.0, Duration::from_millis(1));
        let looks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&looks);
        let relay = relay.clock(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::time::SystemTime::now()
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = relay.measure_every(Duration::from_secs(3600)).run(async { drop(stopped.await) });
        let running = tokio::spawn(running.with_current_subscriber());
        eventually("some looks in vain", || async { looks.load(Ordering::Relaxed) > 5 }).await;
        sqlx::query("ALTER TABLE away RENAME TO outbox").execute(&pool).await.unwrap();
        stage(&pool, event("EntryPosted", "a")).await;
        eventually("the message", || async { recorder.types() == ["EntryPosted"] }).await;
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
    });
    assert_eq!(logs(&collector, "the outbox's database does not work"), 1);
    assert_eq!(logs(&collector, "the outbox's database works again"), 1);
    let failed = collector.spans().into_iter().filter(|span| span.name == "SELECT outbox");
    let failed = failed.filter(|span| span.status.as_ref().is_some_and(|status| status.code == 2));
    assert!(failed.count() > 1, "each vain look is a span");
}
