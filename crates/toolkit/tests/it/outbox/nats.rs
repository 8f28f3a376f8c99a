//! To a real NATS.

use std::collections::HashMap;

use async_nats::jetstream::{self, stream};
use futures::StreamExt;
use throughline_toolkit::outbox::{
    Broker, Event, NatsPublisher, Outbox, OutboxConnection, Relay, UnknownDestination,
};
use throughline_toolkit::propagation;
use tracing::Instrument;

use super::{HandClock, postgres, run, sqlite};
use crate::collector::attribute;
use crate::services;

async fn jetstream() -> jetstream::Context {
    let client = async_nats::connect(services::nats()).await;
    jetstream::new(client.unwrap())
}

/// A prefix of subjects that nobody else uses.
fn prefix() -> String {
    format!("outbox{}", uuid::Uuid::now_v7().simple())
}

async fn stream(jetstream: &jetstream::Context, prefix: &str) -> stream::Stream {
    let subjects = vec![format!("{prefix}.>")];
    let config = stream::Config { name: prefix.to_owned(), subjects, ..stream::Config::default() };
    jetstream.create_stream(config).await.unwrap()
}

async fn stage<DB>(pool: &sqlx::Pool<DB>, event: Event) -> String
where
    DB: sqlx::Database,
    DB::Connection: OutboxConnection,
{
    let outbox = Outbox::new().broker(Broker::Nats);
    let mut tx = pool.begin().await.unwrap();
    let id = outbox.stage(&mut *tx, event).await.unwrap();
    tx.commit().await.unwrap();
    id.to_string()
}

#[test]
fn a_message_has_the_headers_and_the_trace_of_its_row_and_is_stored_once() {
    let collector = run(&[], async {
        let (pool, jetstream, prefix) = (postgres().await, jetstream().await, prefix());
        let mut stream = stream(&jetstream, &prefix).await;
        let subject = format!("{prefix}.entries");
        let request = tracing::info_span!("request");
        let event = Event::new("EntryPosted", 7, &subject, "{}").header("tenant", "acme");
        let id = stage(&pool, event).instrument(request).await;
        let parent: String =
            sqlx::query_scalar("SELECT traceparent FROM outbox").fetch_one(&pool).await.unwrap();
        let mut relay = Relay::new(pool.clone(), NatsPublisher::new(jetstream.clone()));
        assert_eq!(relay.once().await.unwrap().sent, 1);
        // A relay that died before it marked the row.
        sqlx::query("UPDATE outbox SET sent_at = NULL").execute(&pool).await.unwrap();
        assert_eq!(relay.once().await.unwrap().sent, 1);
        assert_eq!(stream.info().await.unwrap().state.messages, 1);

        let consumer = stream.create_consumer(jetstream::consumer::pull::Config::default()).await.unwrap();
        let message = consumer.messages().await.unwrap().next().await.unwrap().unwrap();
        assert_eq!(&message.payload[..], b"{}");
        let headers = message.headers.clone().unwrap();
        for (name, value) in [
            ("message-id", id.as_str()),
            ("Nats-Msg-Id", &id),
            ("event-type", "EntryPosted"),
            ("aggregate-id", "7"),
            ("tenant", "acme"),
            ("traceparent", &parent),
        ] {
            assert_eq!(headers.get(name).map(|v| v.as_str()), Some(value), "{name}");
        }
        let headers = HashMap::from([("traceparent".to_owned(), parent)]);
        drop(propagation::extract(&headers).in_scope(|| tracing::info_span!("process")));
        jetstream.delete_stream(&prefix).await.unwrap();
    });
    let spans = collector.spans();
    let create = spans.iter().find(|span| span.name.ends_with(".entries create")).unwrap();
    assert_eq!(create.parent_span_id, collector.span("request").span_id);
    assert_eq!(collector.span("process").parent_span_id, create.span_id);
    let sends: Vec<_> = spans.iter().filter(|span| span.name == "publishEvent").collect();
    assert_eq!(sends.len(), 2);
    for (send, duplicate) in sends.iter().zip(["false", "true"]) {
        assert_eq!(send.links[0].span_id, create.span_id);
        assert_eq!(attribute(&send.attributes, "messaging.system").as_deref(), Some("nats"));
        assert_eq!(attribute(&send.attributes, "messaging.operation.name").as_deref(), Some("publish"));
        assert_eq!(attribute(&send.attributes, "messaging.nats.stream_sequence").as_deref(), Some("1"));
        assert_eq!(attribute(&send.attributes, "messaging.nats.duplicate").as_deref(), Some(duplicate));
        assert_eq!(attribute(&send.attributes, "kafka.topic"), None);
    }
}

#[tokio::test]
async fn a_stream_that_does_not_exist_is_waited_for_or_given_up_as_told() {
    let (pool, jetstream, prefix) = (sqlite().await, jetstream().await, prefix());
    let clock = HandClock::start();
    stage(&pool, Event::new("First", "a", format!("{prefix}.a"), "")).await;
    let publisher = NatsPublisher::new(jetstream.clone());
    let mut relay = Relay::new(pool.clone(), publisher.clone()).clock(clock.read());
    let passed = relay.once().await.unwrap();
    assert_eq!((passed.failed, passed.dead), (1, 0));
    stream(&jetstream, &prefix).await;
    clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(relay.once().await.unwrap().sent, 1);
    jetstream.delete_stream(&prefix).await.unwrap();

    stage(&pool, Event::new("Second", "a", format!("{prefix}.a"), "")).await;
    let publisher = publisher.unknown_stream(UnknownDestination::SetAside);
    assert_eq!(Relay::new(pool, publisher).once().await.unwrap().dead, 1);
}

#[tokio::test]
async fn what_nats_will_never_take_is_put_aside_at_once() {
    let (pool, jetstream, prefix) = (sqlite().await, jetstream().await, prefix());
    stream(&jetstream, &prefix).await;
    let subject = format!("{prefix}.a");
    stage(&pool, Event::new("TooLarge", "a", &subject, vec![0; 2_000_000])).await;
    stage(&pool, Event::new("BadHeader", "b", &subject, "").header("with space:", "x")).await;
    stage(&pool, Event::new("BadSubject", "c", format!("{prefix} a"), "")).await;
    stage(&pool, Event::new("Fine", "a", &subject, "")).await;
    let passed = Relay::new(pool.clone(), NatsPublisher::new(jetstream.clone())).once().await.unwrap();
    assert_eq!((passed.sent, passed.failed, passed.dead), (1, 0, 3));
    jetstream.delete_stream(&prefix).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let dead = Outbox::dead(&mut *connection, 10).await.unwrap();
    let errors: Vec<&str> = dead.iter().map(|row| row.last_error.as_str()).collect();
    assert!(errors[0].contains("exceeded"), "{errors:?}");
}
