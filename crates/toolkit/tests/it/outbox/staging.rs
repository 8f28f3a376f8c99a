//! What is written, and when it counts.

use throughline_toolkit::db::System;
use throughline_toolkit::outbox::{Event, Inbox, Outbox, inbox_schema, schema};

use super::{Recorder, TOPIC, event, postgres, relay, run, sqlite, stage};

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_no_message() {
    let (pool, recorder) = (sqlite().await, Recorder::new());
    let mut tx = pool.begin().await.unwrap();
    Outbox::new().stage(&mut *tx, event("Lost", "a")).await.unwrap();
    tx.rollback().await.unwrap();
    stage(&pool, event("Kept", "a")).await;
    relay(&pool, &recorder).once().await.unwrap();
    assert_eq!(recorder.types(), ["Kept"]);
}

#[tokio::test]
async fn tables_are_created_once_however_many_ask_at_the_same_time() {
    let pool = postgres().await;
    let all = (0..6).map(|_| Outbox::create_table(&pool));
    for outcome in futures::future::join_all(all).await {
        outcome.unwrap();
    }
    let all = (0..6).map(|_| Inbox::create_table(&pool));
    for outcome in futures::future::join_all(all).await {
        outcome.unwrap();
    }
    let pool = sqlite().await;
    Outbox::create_table(&pool).await.unwrap();
    Inbox::create_table(&pool).await.unwrap();
}

#[tokio::test]
async fn the_schema_is_fit_for_a_migration() {
    let pool = sqlite().await;
    sqlx::raw_sql(schema(System::Sqlite)).execute(&pool).await.unwrap();
    sqlx::raw_sql(inbox_schema(System::Sqlite)).execute(&pool).await.unwrap();
    let pool = crate::services::postgres_schema().await;
    sqlx::raw_sql(schema(System::Postgresql)).execute(&pool).await.unwrap();
    sqlx::raw_sql(inbox_schema(System::Postgresql)).execute(&pool).await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    Outbox::new().stage(&mut *tx, event("EntryPosted", "a")).await.unwrap();
}

#[test]
fn contexts_of_other_propagators_travel_too() {
    let recorder = Recorder::new();
    let observer = recorder.clone();
    let collector = run(&[("OTEL_PROPAGATORS", "b3")], async move {
        let pool = postgres().await;
        stage(&pool, event("EntryPosted", "a")).await;
        relay(&pool, &observer).once().await.unwrap();
    });
    let (create, publish) = (collector.span("create ledger.entry.v1"), collector.span("publishEvent"));
    assert_eq!(publish.links[0].span_id, create.span_id);
    let headers = recorder.taken()[0].headers.clone();
    assert!(headers.iter().any(|(name, _)| name == "b3"), "{headers:?}");
    assert!(!headers.iter().any(|(name, _)| name == "traceparent"), "{headers:?}");
}

#[test]
fn a_message_that_cannot_be_written_marks_its_span() {
    let collector = run(&[], async {
        let pool = crate::services::postgres_schema().await;
        let mut connection = pool.acquire().await.unwrap();
        let outcome = Outbox::new().stage(&mut *connection, Event::new("E", 1, TOPIC, "")).await;
        assert!(outcome.is_err());
    });
    for name in ["create ledger.entry.v1", "INSERT outbox"] {
        let span = collector.span(name);
        assert_eq!(span.status.unwrap().code, 2, "{name}");
        assert_eq!(crate::collector::attribute(&span.attributes, "error.type").as_deref(), Some("42P01"));
    }
}
