//! What is kept long enough goes: answers, events seen, events sent.

use ledger::Service;

use crate::servers::Servers;
use crate::system::{System, eventually, order};

const REQUESTS: &str = "SELECT count(*) FROM requests";
const ENTRIES: &str = "SELECT count(*) FROM entries";

/// Looks all the time. What the read-model has seen it remembers for two weeks, as without this.
const EAGER: [(&str, &str); 3] = [
    ("RETENTION_EVERY_MS", "20"),
    ("IDEMPOTENCY_RETENTION_SECONDS", "3600"),
    ("OUTBOX_RETENTION_SECONDS", "3600"),
];

async fn execute(system: &System, service: Service, sql: &'static str) -> u64 {
    let mut connection = system.database_of(service).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected()
}

#[tokio::test]
async fn a_key_whose_time_is_over_is_free_and_no_other_is() {
    let mut system = System::start(Servers::shared(), &EAGER).await;
    // As tables were when keys were remembered for ever.
    const ONCE: &str =
        "ALTER TABLE entries ADD CONSTRAINT entries_idempotency_key_key UNIQUE (idempotency_key)";
    execute(&system, Service::Ledger, ONCE).await;
    assert!(system.terminate(Service::Ledger).await);
    system.launch(Service::Ledger).await;
    let (customer, world) = system.funded(100).await;
    let orders = ["old", "young"].map(|name| order(&system.key(name), customer, world, 10));
    let mut first = Vec::new();
    for body in &orders {
        first.push(system.post(Service::Ledger, "/v1/entries", body).await.body);
    }
    // One whose transfer is not finished, which no clock makes old.
    const UNFINISHED: &str = "INSERT INTO requests (idempotency_key, fingerprint) VALUES ('unfinished', '')";
    execute(&system, Service::Ledger, UNFINISHED).await;
    const MANY: &str = "INSERT INTO requests SELECT 'many-' || n, '', 201, '{}', 1
        FROM generate_series(1, 2500) AS n";
    execute(&system, Service::Ledger, MANY).await;
    const AGE: &str =
        "UPDATE requests SET decided_at_ms = decided_at_ms - 3600000 WHERE idempotency_key LIKE 'old-%'";
    assert_eq!(execute(&system, Service::Ledger, AGE).await, 1);
    eventually("the old are gone", async || system.count(Service::Ledger, REQUESTS).await == 3).await;

    let young = system.post(Service::Ledger, "/v1/entries", &orders[1]).await;
    assert_eq!((young.status, young.replayed, &young.body), (201, true, &first[1]), "{young:?}");
    let again = system.post(Service::Ledger, "/v1/entries", &orders[0]).await;
    assert_eq!((again.status, again.replayed), (201, false), "{again:?}");
    assert_ne!(again.body["entry_id"], first[0]["entry_id"], "it is a new order");
    assert_eq!(system.balance(Service::Ledger, customer).await, Some(70));
    assert_eq!(system.count(Service::Ledger, ENTRIES).await, 4);
    system.assert_balanced().await;
    const UNFINISHED_THERE: &str = "SELECT count(*) FROM requests WHERE idempotency_key = 'unfinished'";
    assert_eq!(system.count(Service::Ledger, UNFINISHED_THERE).await, 1);
    let metrics = system.get(Service::Ledger, "/metrics").await.body.to_string();
    assert!(metrics.contains("ledger_requests_forgotten_total"), "{metrics}");
    let log = system.log(Service::Ledger);
    let lines = log.matches("their keys are free again").count();
    assert!((1..=2).contains(&lines), "a line only when some went: {log}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_key_ends_while_it_is_asked_for_is_answered() {
    let system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(10_000).await;
    let body = order(&system.key("ending"), customer, world, 1);
    let client = async {
        let mut booked = 1;
        for _ in 0..150 {
            let both = futures::future::join(
                system.post(Service::Ledger, "/v1/entries", &body),
                system.post(Service::Ledger, "/v1/entries", &body),
            );
            let answers: [_; 2] = both.await.into();
            for answer in answers {
                assert_eq!(answer.status, 201, "{answer:?}");
                booked += i64::from(!answer.replayed);
            }
        }
        booked
    };
    let end = async {
        let mut connection = system.database_of(Service::Ledger).await;
        loop {
            sqlx::query("DELETE FROM requests").execute(&mut connection).await.unwrap();
        }
    };
    let booked = tokio::select! {
        booked = client => booked,
        () = end => unreachable!("it never ends"),
    };
    assert!(booked > 2, "its key ended");
    assert_eq!(system.count(Service::Ledger, ENTRIES).await, booked);
    system.assert_balanced().await;
    system.stop().await;
}

#[tokio::test]
async fn events_sent_and_events_seen_are_forgotten_when_their_time_is_over() {
    let system = System::start(Servers::shared(), &EAGER).await;
    let (customer, world) = system.funded(100).await;
    const SEEN: &str = "SELECT count(*) FROM inbox";
    eventually("three events", async || system.count(Service::ReadModel, SEEN).await == 3).await;
    // One a day beyond its time, one a day before, one new.
    const AGE: &str = "UPDATE inbox SET received_at = received_at - 86400000000 *
        CASE WHEN message_id = (SELECT min(message_id) FROM inbox) THEN 15 ELSE 13 END
        WHERE message_id <> (SELECT max(message_id) FROM inbox)";
    assert_eq!(execute(&system, Service::ReadModel, AGE).await, 2);
    eventually("one is forgotten", async || system.count(Service::ReadModel, SEEN).await == 2).await;
    const SENT: &str = "SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL";
    eventually("it is sent", async || system.count(Service::Ledger, SENT).await == 1).await;
    execute(&system, Service::Ledger, "UPDATE outbox SET sent_at = 1").await;
    eventually("it is removed", async || system.count(Service::Ledger, SENT).await == 0).await;
    let answer = system.transfer(&order(&system.key("after"), customer, world, 1)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    eventually("the next", async || system.count(Service::ReadModel, SEEN).await == 3).await;
    assert!(system.log(Service::ReadModel).contains("messages received long ago are forgotten"));
    system.stop().await;
}

#[tokio::test]
async fn an_event_that_comes_again_after_it_was_forgotten_is_buried_and_books_nothing() {
    let mut system = System::start(Servers::shared(), &[]).await;
    let (customer, world) = system.funded(100).await;
    const SEEN: &str = "SELECT count(*) FROM inbox";
    eventually("three events", async || system.count(Service::ReadModel, SEEN).await == 3).await;
    assert_eq!(execute(&system, Service::ReadModel, "DELETE FROM inbox").await, 3);
    system.set("CONSUMER_GROUP", &system.key("again"));
    assert!(system.terminate(Service::ReadModel).await);
    system.launch(Service::ReadModel).await;
    const BURIED: &str = "SELECT count(*) FROM dead_letters WHERE reason = 'contradiction'";
    eventually("the entry", async || system.count(Service::ReadModel, BURIED).await == 1).await;
    eventually("both accounts", async || system.count(Service::ReadModel, SEEN).await == 2).await;
    assert_eq!(system.balance(Service::ReadModel, customer).await, Some(100));
    assert_eq!(system.balance(Service::ReadModel, world).await, Some(-100));
    system.stop().await;
}
