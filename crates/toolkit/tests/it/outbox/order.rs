//! Which message is sent before which.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use throughline_toolkit::outbox::{Event, Message, Outbox, PublishError};

use super::{HandClock, Recorder, TOPIC, event, relay, sqlite, stage};

/// Refuses messages of this type for as long as it is told to.
fn refusing(event_type: &'static str, error: fn() -> PublishError) -> (Recorder, Arc<AtomicBool>) {
    let refuses = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&refuses);
    let recorder = Recorder::refusing(move |message| {
        (message.event_type == event_type && told.load(Ordering::Relaxed)).then(error)
    });
    (recorder, refuses)
}

#[tokio::test]
async fn a_message_that_fails_holds_back_its_key_and_no_other() {
    let (pool, clock) = (sqlite().await, HandClock::start());
    let (recorder, refuses) = refusing("A1", || PublishError::transient("not now"));
    for (event_type, aggregate) in [("A1", "a"), ("B1", "b"), ("A2", "a"), ("B2", "b")] {
        stage(&pool, event(event_type, aggregate)).await;
    }
    // The same aggregate, but for others to read.
    stage(&pool, Event::new("A3", "a", "audit", "")).await;
    let mut relay = relay(&pool, &recorder).clock(clock.read());
    let passed = relay.once().await.unwrap();
    assert_eq!((passed.sent, passed.failed), (3, 1));
    stage(&pool, event("A4", "a")).await;
    assert_eq!(relay.once().await.unwrap().sent, 0, "A4 waits behind A1, which is not due");
    refuses.store(false, Ordering::Relaxed);
    clock.advance(Duration::from_secs(60));
    assert_eq!(relay.once().await.unwrap().sent, 3);
    let types = recorder.types();
    let of_a: Vec<&String> = types.iter().filter(|t| t.starts_with('A') && *t != "A3").collect();
    assert_eq!(of_a, ["A1", "A2", "A4"], "{types:?}");
}

#[tokio::test]
async fn one_put_aside_lets_those_behind_it_go_on_and_comes_back_last() {
    let (pool, clock) = (sqlite().await, HandClock::start());
    let (recorder, refuses) = refusing("A1", || PublishError::permanent("too large").error_type("TooLarge"));
    let id = stage(&pool, event("A1", "a")).await;
    stage(&pool, event("A2", "a")).await;
    let mut relay = relay(&pool, &recorder).clock(clock.read());
    let passed = relay.once().await.unwrap();
    assert_eq!((passed.sent, passed.failed, passed.dead), (1, 0, 1));

    let mut connection = pool.acquire().await.unwrap();
    let dead = Outbox::dead(&mut *connection, 10).await.unwrap();
    let [row] = &dead[..] else { panic!("{dead:?}") };
    assert_eq!((row.id.to_string(), row.event_type.as_str(), row.key.as_str()), (id, "A1", "a"));
    assert_eq!(row.attempts, 1);
    assert_eq!(row.last_error, "the broker will not take the message: too large");
    assert!(!Outbox::requeue(&mut *connection, uuid::Uuid::now_v7()).await.unwrap());
    drop(connection);
    stage(&pool, event("A3", "a")).await;
    let mut connection = pool.acquire().await.unwrap();
    assert!(Outbox::requeue(&mut *connection, row.id).await.unwrap());
    assert!(!Outbox::requeue(&mut *connection, row.id).await.unwrap(), "it is dead no more");
    drop(connection);
    refuses.store(false, Ordering::Relaxed);
    assert_eq!(relay.once().await.unwrap().sent, 2);
    assert_eq!(recorder.types(), ["A2", "A3", "A1"]);
}

#[tokio::test]
async fn many_come_back_in_their_order() {
    let pool = sqlite().await;
    let (recorder, refuses) = refusing("Bad", || PublishError::permanent("no"));
    let mut ids = Vec::new();
    for aggregate in ["a", "b", "a"] {
        ids.push(stage(&pool, event("Bad", aggregate)).await);
    }
    stage(&pool, Event::new("Bad", "a", "elsewhere", "")).await;
    let mut relay = relay(&pool, &recorder);
    assert_eq!(relay.once().await.unwrap().dead, 4);
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(Outbox::requeue_all(&mut *connection, TOPIC, 100).await.unwrap(), 3);
    assert_eq!(Outbox::dead(&mut *connection, 10).await.unwrap().len(), 1);
    drop(connection);
    refuses.store(false, Ordering::Relaxed);
    relay.once().await.unwrap();
    let sent: Vec<String> = recorder.taken().iter().map(|message| message.id.to_string()).collect();
    let of_a: Vec<&String> = sent.iter().filter(|id| **id == ids[0] || **id == ids[2]).collect();
    assert_eq!((of_a, sent.len()), (vec![&ids[0], &ids[2]], 3));
}

/// How the broker treats the attempts for a message, one after the other; then it takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Transient,
    Unavailable,
    Permanent,
    Taken,
}

fn fate(message: &Message, seed: u64, attempt: u64) -> Fate {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (&message.event_type, seed, attempt).hash(&mut hasher);
    match hasher.finish() % 10 {
        0 | 1 => Fate::Transient,
        2 => Fate::Unavailable,
        3 => Fate::Permanent,
        _ => Fate::Taken,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_each_key_keeps_its_order_and_nothing_is_lost(
        seed in any::<u64>(),
        keys in 1_usize..6,
        count in 1_usize..60,
        batch in 1_usize..20,
        concurrency in 1_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let attempts = std::sync::Mutex::new(HashMap::<String, u64>::new());
        let recorder = Recorder::refusing(move |message| {
            let mut attempts = attempts.lock().unwrap();
            let attempt = attempts.entry(message.event_type.clone()).or_default();
            *attempt += 1;
            match fate(message, seed, *attempt) {
                Fate::Transient => Some(PublishError::transient("not now")),
                Fate::Unavailable => Some(PublishError::unavailable("away")),
                Fate::Permanent => Some(PublishError::permanent("never")),
                Fate::Taken => None,
            }
        });
        let (sent, dead) = runtime.block_on(async {
            let (pool, clock) = (sqlite().await, HandClock::start());
            for n in 0..count {
                stage(&pool, event(&format!("{n:03}"), &format!("key {}", n % keys))).await;
            }
            let relay = relay(&pool, &recorder).batch(batch).concurrency(concurrency);
            let mut relay = relay.attempts_max(100).clock(clock.read());
            let mut done = 0;
            for _ in 0..2_000 {
                let passed = relay.once().await.unwrap();
                done += passed.sent + passed.dead;
                clock.advance(Duration::from_secs(60));
                if done == count as u64 {
                    break;
                }
            }
            let mut connection = pool.acquire().await.unwrap();
            (recorder.taken(), Outbox::dead(&mut *connection, 1_000).await.unwrap())
        });
        prop_assert_eq!(sent.len() + dead.len(), count, "each once, here or there");
        let mut last: HashMap<String, String> = HashMap::new();
        for message in sent {
            let before = last.insert(message.key.clone(), message.event_type.clone());
            prop_assert!(before.is_none_or(|before| before < message.event_type), "{}", message.key);
        }
    }
}
