//! The relay as it runs: woken, stopped, tidying up.

use std::sync::Arc;
use std::time::Duration;

use throughline_toolkit::outbox::{Broker, Message, Outbox, PublishError, Publisher, Receipt, Relay};
use tokio::sync::{Semaphore, oneshot};

use super::{HandClock, Recorder, event, eventually, relay, sqlite, stage};

const HOUR: Duration = Duration::from_secs(3600);

/// A future that ends when the sender is used or dropped.
fn shutdown() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send + 'static) {
    let (stop, stopped) = oneshot::channel();
    (stop, async { drop(stopped.await) })
}

#[tokio::test]
async fn a_commit_that_is_told_of_is_relayed_at_once() {
    let (pool, recorder, outbox) = (sqlite().await, Recorder::new(), Outbox::new());
    let (stop, stopped) = shutdown();
    let relay = relay(&pool, &recorder).poll_every(HOUR).woken_by(&outbox);
    let running = tokio::spawn(relay.run(stopped));
    for n in 1..=3 {
        let mut tx = pool.begin().await.unwrap();
        outbox.stage(&mut *tx, event("EntryPosted", "a")).await.unwrap();
        tx.commit().await.unwrap();
        outbox.clone().notify();
        eventually("the message", || async { recorder.taken().len() == n }).await;
    }
    drop(stop);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_commit_nobody_tells_of_is_found_by_looking() {
    let (pool, recorder) = (sqlite().await, Recorder::new());
    let (stop, stopped) = shutdown();
    let running = tokio::spawn(relay(&pool, &recorder).poll_every(Duration::from_millis(5)).run(stopped));
    stage(&pool, event("EntryPosted", "a")).await;
    eventually("the message", || async { recorder.taken().len() == 1 }).await;
    drop(stop);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_backlog_of_many_batches_does_not_wait_for_the_next_look() {
    let (pool, recorder) = (sqlite().await, Recorder::new());
    for n in 0..95 {
        stage(&pool, event("EntryPosted", &format!("a{}", n % 7))).await;
    }
    let (stop, stopped) = shutdown();
    let running = tokio::spawn(relay(&pool, &recorder).batch(10).poll_every(HOUR).run(stopped));
    eventually("all messages", || async { recorder.taken().len() == 95 }).await;
    drop(stop);
    running.await.unwrap().unwrap();
}

/// A broker that answers when it is let.
#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    arrived: Arc<Semaphore>,
}

impl Gate {
    fn closed() -> Self {
        Self { open: Arc::new(Semaphore::new(0)), arrived: Arc::new(Semaphore::new(0)) }
    }
}

impl Publisher for Gate {
    fn broker(&self) -> Broker {
        Broker::Nats
    }

    async fn publish(&self, _: &Message) -> Result<Receipt, PublishError> {
        self.arrived.add_permits(1);
        self.open.acquire().await.unwrap().forget();
        Ok(Receipt::default())
    }
}

async fn sent(pool: &sqlx::SqlitePool) -> i64 {
    let count = "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL";
    sqlx::query_scalar(count).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn the_end_marks_what_is_on_its_way_and_begins_nothing_new() {
    let (pool, gate) = (sqlite().await, Gate::closed());
    for aggregate in ["a", "b", "a", "b", "c"] {
        stage(&pool, event("EntryPosted", aggregate)).await;
    }
    let (stop, stopped) = shutdown();
    let relay = Relay::new(pool.clone(), gate.clone()).concurrency(2);
    let running = tokio::spawn(relay.run(stopped));
    gate.arrived.acquire_many(2).await.unwrap().forget();
    stop.send(()).unwrap();
    assert!(!running.is_finished());
    gate.open.add_permits(100);
    running.await.unwrap().unwrap();
    assert_eq!((sent(&pool).await, gate.arrived.available_permits()), (2, 0));
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let (pool, gate) = (sqlite().await, Gate::closed());
    stage(&pool, event("EntryPosted", "a")).await;
    let (stop, stopped) = shutdown();
    let relay = Relay::new(pool.clone(), gate.clone()).grace(Duration::from_millis(20));
    let running = tokio::spawn(relay.run(stopped));
    gate.arrived.acquire().await.unwrap().forget();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(sent(&pool).await, 0);
    let recorder = Recorder::new();
    assert_eq!(super::relay(&pool, &recorder).once().await.unwrap().sent, 1, "the next relay sends it");
}

#[tokio::test]
async fn rows_sent_long_ago_are_removed() {
    let (pool, recorder, clock) = (sqlite().await, Recorder::new(), HandClock::start());
    stage(&pool, event("Old", "a")).await;
    let relay = relay(&pool, &recorder).clock(clock.read()).retention(HOUR);
    let (stop, stopped) = shutdown();
    let running =
        relay.measure_every(Duration::from_millis(5)).poll_every(Duration::from_millis(5)).run(stopped);
    let running = tokio::spawn(running);
    eventually("the message", || async { sent(&pool).await == 1 }).await;
    clock.advance(HOUR * 2);
    eventually("the removal", || async { sent(&pool).await == 0 }).await;
    stage(&pool, event("New", "a")).await;
    eventually("the message", || async { sent(&pool).await == 1 }).await;
    drop(stop);
    running.await.unwrap().unwrap();
    assert_eq!(sent(&pool).await, 1, "a row sent just now stays");
}

#[tokio::test]
async fn a_closed_pool_ends_the_relay() {
    let (pool, recorder) = (sqlite().await, Recorder::new());
    let relay = relay(&pool, &recorder).poll_every(Duration::from_millis(1));
    let running = tokio::spawn(relay.run(std::future::pending()));
    pool.close().await;
    assert!(matches!(running.await.unwrap(), Err(sqlx::Error::PoolClosed)));
}
