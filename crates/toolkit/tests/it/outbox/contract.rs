//! What holds on every database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Pool;
use throughline_toolkit::outbox::{Event, Inbox, Outbox, OutboxConnection, PublishError, Relay};

use super::{HandClock, Recorder, TOPIC, event, postgres, sqlite};

async fn staged<DB>(pool: &Pool<DB>, event: Event)
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
{
    let mut tx = pool.begin().await.unwrap();
    Outbox::new().announcing().stage(&mut *tx, event).await.unwrap();
    tx.commit().await.unwrap();
}

async fn keeps_the_contract<DB>(pool: Pool<DB>)
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
{
    Outbox::create_table(&pool).await.unwrap();
    Inbox::create_table(&pool).await.unwrap();
    let (clock, healthy) = (HandClock::start(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&healthy);
    let recorder = Recorder::refusing(move |message| match message.event_type.as_str() {
        _ if told.load(Ordering::Relaxed) => None,
        "Later" => Some(PublishError::transient("not now")),
        "Never" => Some(PublishError::permanent("too large")),
        "Away" => Some(PublishError::unavailable("refused")),
        _ => None,
    });
    let mut relay = Relay::new(pool.clone(), recorder.clone()).clock(clock.read());
    assert_eq!(relay.once().await.unwrap().sent, 0);

    let mut tx = pool.begin().await.unwrap();
    Outbox::new().stage(&mut *tx, event("RolledBack", "a")).await.unwrap();
    tx.rollback().await.unwrap();
    let payload = vec![0, 159, 146, 150];
    let odd = Event::new("First", "a", TOPIC, payload.clone()).header("tenant", "acme").key("a");
    staged(&pool, odd).await;
    for (event_type, aggregate) in
        [("Later", "b"), ("BehindLater", "b"), ("Never", "c"), ("BehindNever", "c")]
    {
        staged(&pool, event(event_type, aggregate)).await;
    }
    staged(&pool, Event::new("Away", "d", "elsewhere", "")).await;
    let passed = relay.once().await.unwrap();
    assert_eq!((passed.sent, passed.failed, passed.dead), (2, 2, 1));
    assert_eq!(recorder.types(), ["First", "BehindNever"]);
    let first = recorder.taken()[0].clone();
    assert_eq!((first.payload.to_vec(), first.headers[0].0.as_str()), (payload, "tenant"));
    assert_eq!(relay.once().await.unwrap().failed, 0, "nothing is due");

    healthy.store(true, Ordering::Relaxed);
    let mut connection = pool.acquire().await.unwrap();
    let dead = Outbox::dead(&mut *connection, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].event_type.as_str()), (1, "Never"));
    staged_in(&mut *connection, event("AfterNever", "c")).await;
    assert!(Outbox::requeue(&mut *connection, dead[0].id).await.unwrap());
    drop(connection);
    clock.advance(Duration::from_secs(60));
    assert_eq!(relay.once().await.unwrap().sent, 5);
    let types = recorder.types();
    let place = |of: &str| types.iter().position(|event_type| event_type == of).unwrap();
    assert!(place("Later") < place("BehindLater") && place("AfterNever") < place("Never"), "{types:?}");
    assert_eq!(relay.once().await.unwrap().sent, 0, "nothing is left");

    let id = first.id.to_string();
    for expected in [true, false] {
        let mut tx = pool.begin().await.unwrap();
        assert_eq!(Inbox::first(&mut *tx, "read-model", &id).await.unwrap(), expected);
        tx.commit().await.unwrap();
    }
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(Inbox::forget(&mut *connection, Duration::ZERO, 10).await.unwrap(), 1);
}

async fn staged_in<C: OutboxConnection>(connection: &mut C, event: Event) {
    Outbox::new().stage(connection, event).await.unwrap();
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    keeps_the_contract(sqlite().await).await;
}

#[tokio::test]
async fn postgresql_keeps_the_contract() {
    keeps_the_contract(postgres().await).await;
}

#[tokio::test]
async fn any_keeps_the_contract_on_sqlite() {
    sqlx::any::install_default_drivers();
    let pool = sqlx::any::AnyPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    keeps_the_contract(pool.connect("sqlite::memory:").await.unwrap()).await;
}

#[tokio::test]
async fn any_keeps_the_contract_on_postgresql() {
    sqlx::any::install_default_drivers();
    let url = crate::services::postgres_schema_url().await;
    keeps_the_contract(sqlx::AnyPool::connect(&url).await.unwrap()).await;
}
