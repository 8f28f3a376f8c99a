//! Several relays on PostgreSQL, and its notifications.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use throughline_toolkit::outbox::{Broker, Message, Outbox, PublishError, Publisher, Receipt, Relay};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Recorder, event, eventually, postgres};

/// Two relays' broker: who sent what, in the order it was taken.
#[derive(Clone)]
struct Shared {
    all: Recorder,
    own: Arc<AtomicUsize>,
}

impl Publisher for Shared {
    fn broker(&self) -> Broker {
        Broker::Kafka
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        self.own.fetch_add(1, Ordering::Relaxed);
        self.all.publish(message).await
    }
}

struct Running {
    sent: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), sqlx::Error>>,
}

fn start(pool: &PgPool, all: &Recorder) -> Running {
    let sent = Arc::new(AtomicUsize::new(0));
    let publisher = Shared { all: all.clone(), own: Arc::clone(&sent) };
    let relay = Relay::new(pool.clone(), publisher).batch(7).poll_every(Duration::from_millis(10));
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(relay.run(async { drop(stopped.await) }));
    Running { sent, stop, task }
}

const KEYS: usize = 40;

async fn stage_round(pool: &PgPool, round: usize) {
    let mut tx = pool.begin().await.unwrap();
    for key in 0..KEYS {
        let event = event(&format!("{round:04}"), &format!("key {key}"));
        Outbox::new().stage(&mut *tx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Every message of so many rounds once, and each key in its order.
fn assert_complete(taken: &[Message], rounds: usize) {
    let ids: HashSet<_> = taken.iter().map(|message| message.id).collect();
    assert_eq!((ids.len(), taken.len()), (rounds * KEYS, rounds * KEYS));
    let mut by_key: HashMap<&str, Vec<&str>> = HashMap::new();
    for message in taken {
        by_key.entry(&message.key).or_default().push(&message.event_type);
    }
    for (key, types) in by_key {
        assert!(types.is_sorted(), "{key}: {types:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_share_the_work_and_keep_each_keys_order() {
    let (pool, all) = (postgres().await, Recorder::new());
    let relays = [start(&pool, &all), start(&pool, &all)];
    let mut rounds = 0;
    let both = || relays.iter().all(|relay| relay.sent.load(Ordering::Relaxed) > 5 * KEYS);
    while !both() {
        stage_round(&pool, rounds).await;
        rounds += 1;
        eventually("this round", || async { all.taken().len() + 5 * KEYS > rounds * KEYS }).await;
        assert!(rounds < 5_000, "one relay does everything");
    }
    eventually("all messages", || async { all.taken().len() >= rounds * KEYS }).await;
    for relay in relays {
        relay.stop.send(()).unwrap();
        relay.task.await.unwrap().unwrap();
    }
    assert_complete(&all.taken(), rounds);
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL OR attempts <> 1")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(open, 0, "each marked once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_leaves_its_share_to_the_others() {
    let (pool, all) = (postgres().await, Recorder::new());
    let (dies, lives) = (start(&pool, &all), start(&pool, &all));
    let mut rounds = 0;
    while [&dies, &lives].iter().any(|relay| relay.sent.load(Ordering::Relaxed) == 0) {
        stage_round(&pool, rounds).await;
        rounds += 1;
        eventually("this round", || async { all.taken().len() >= rounds * KEYS }).await;
    }
    dies.task.abort();
    assert!(dies.task.await.unwrap_err().is_cancelled());
    stage_round(&pool, rounds).await;
    let missing = || async {
        let taken: HashSet<_> = all.taken().iter().map(|message| message.id).collect();
        taken.len() == (rounds + 1) * KEYS
    };
    eventually("its share", missing).await;
    lives.stop.send(()).unwrap();
    lives.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_commit_in_another_process_is_heard() {
    let (pool, recorder) = (postgres().await, Recorder::new());
    let relay = Relay::new(pool.clone(), recorder.clone()).poll_every(Duration::from_secs(3600)).listen();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(relay.run(async { drop(stopped.await) }));
    for n in 1..=3 {
        let mut tx = pool.begin().await.unwrap();
        Outbox::new().announcing().stage(&mut *tx, event("EntryPosted", "a")).await.unwrap();
        tx.commit().await.unwrap();
        eventually("the message", || async { recorder.taken().len() == n }).await;
    }
    drop(stop);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_relay_takes_its_connection_out_of_the_pool_and_ends_its_session() {
    let (pool, recorder) = (postgres().await, Recorder::new());
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 \
        AND (classid::bigint << 32) | objid::bigint BETWEEN ('outbox'::regclass::oid::bigint) << 8 \
        AND (('outbox'::regclass::oid::bigint) << 8) + 16";
    let (stop, stopped) = oneshot::channel::<()>();
    let relay = Relay::new(pool.clone(), recorder).poll_every(Duration::from_millis(10));
    let running = tokio::spawn(relay.run(async { drop(stopped.await) }));
    let locks = || async { sqlx::query_scalar::<_, i64>(held).fetch_one(&pool).await.unwrap() };
    eventually("all partitions and its presence", || async { locks().await == 17 }).await;
    drop(stop);
    running.await.unwrap().unwrap();
    eventually("no locks", || async { locks().await == 0 }).await;
}
