//! The trace of a message, from the request to the consumer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::trace::v1::Span;
use sqlx::Row;
use throughline_toolkit::outbox::{Event, Message, Outbox, PublishError};
use throughline_toolkit::propagation::{self, TraceContext};
use throughline_toolkit::{SpanExt, SpanKind};
use tracing::Instrument;

use super::{Recorder, TOPIC, event, postgres, relay, run, stage};
use crate::collector::{Collector, attribute};

/// A caller's context: sampled, with a random trace id, vendor state and baggage.
fn caller() -> TraceContext {
    let headers = HashMap::from([
        ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03".to_owned()),
        ("tracestate".to_owned(), "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7".to_owned()),
        ("baggage".to_owned(), "tenant=acme,user=alice%20b".to_owned()),
    ]);
    propagation::extract(&headers)
}

fn assert_has(span: &Span, attributes: &[(&str, &str)]) {
    for (key, value) in attributes {
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(*value), "{}: {key}", span.name);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The columns of a row.
type Columns = HashMap<String, String>;

/// A request stages a message, a relay sends it, and a consumer in another process takes it.
fn journey() -> (Collector, Columns, Message) {
    let recorder = Recorder::new();
    let observer = recorder.clone();
    let row = Arc::new(Mutex::new(Columns::new()));
    let saved = Arc::clone(&row);
    let collector = run(&[], async move {
        let pool = postgres().await;
        let request = caller().in_scope(|| tracing::info_span!("POST /v1/entries"));
        request.set_kind(SpanKind::Server);
        async {
            let mut tx = pool.begin().await.unwrap();
            let event = Event::new("EntryPosted", 7, TOPIC, "{}").key("account-7").header("tenant", "acme");
            Outbox::new().stage(&mut *tx, event).await.unwrap();
            tx.commit().await.unwrap();
        }
        .instrument(request)
        .await;
        let found = sqlx::query("SELECT id::text, traceparent, tracestate, baggage, key FROM outbox")
            .fetch_one(&pool)
            .await
            .unwrap();
        for column in ["id", "traceparent", "tracestate", "baggage", "key"] {
            saved.lock().unwrap().insert(column.to_owned(), found.get::<String, _>(column));
        }
        let passed = relay(&pool, &observer).once().await.unwrap();
        assert_eq!((passed.sent, passed.failed, passed.dead), (1, 0, 0));
        let headers: Columns = observer.taken()[0].headers.iter().cloned().collect();
        let message = propagation::extract(&headers);
        assert_eq!(message.baggage("tenant"), Some("acme"));
        drop(message.in_scope(|| tracing::info_span!("process ledger.entry.v1", otel.kind = "consumer")));
    });
    let row = row.lock().unwrap().clone();
    (collector, row, recorder.taken()[0].clone())
}

#[test]
fn the_trace_runs_on_from_the_request_through_the_row_to_the_consumer() {
    let (collector, row, message) = journey();
    let (request, create) = (collector.span("POST /v1/entries"), collector.span("create ledger.entry.v1"));
    let insert = collector.span("INSERT outbox");

    // The request's own trace.
    assert_eq!((create.kind, &create.parent_span_id), (4, &request.span_id), "PRODUCER below the request");
    assert_eq!((insert.kind, &insert.parent_span_id), (3, &create.span_id));
    assert_has(
        &create,
        &[
            ("messaging.system", "kafka"),
            ("messaging.operation.name", "create"),
            ("messaging.operation.type", "create"),
            ("messaging.destination.name", TOPIC),
            ("messaging.message.id", &row["id"]),
            ("event_id", &row["id"]),
            ("event_type", "EntryPosted"),
            ("aggregate_id", "7"),
        ],
    );

    // What the row keeps is what the message carries, byte for byte.
    assert_eq!(row["traceparent"], format!("00-{}-{}-03", hex(&create.trace_id), hex(&create.span_id)));
    assert_eq!(hex(&create.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(row["tracestate"], "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
    assert_eq!(row["baggage"], "tenant=acme,user=alice%20b");
    assert_eq!(row["key"], "account-7");
    let mut headers = message.headers.clone();
    headers.sort();
    let expected = [
        ("aggregate-id", "7"),
        ("baggage", &row["baggage"]),
        ("event-type", "EntryPosted"),
        ("message-id", &row["id"]),
        ("tenant", "acme"),
        ("traceparent", &row["traceparent"]),
        ("tracestate", &row["tracestate"]),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    // And the consumer goes on with the request's.
    let consumer = collector.span("process ledger.entry.v1");
    assert_eq!((consumer.trace_id, consumer.parent_span_id), (create.trace_id, create.span_id));
}

#[test]
fn the_relay_has_a_trace_of_its_own_with_a_link_to_the_requests() {
    let (collector, row, _) = journey();
    let create = collector.span("create ledger.entry.v1");
    let (poll, publish) = (collector.span("processOutbox"), collector.span("publishEvent"));
    assert!(poll.parent_span_id.is_empty() && poll.links.is_empty());
    assert_ne!(poll.trace_id, create.trace_id);
    assert_eq!((poll.kind, publish.kind), (1, 3), "INTERNAL and CLIENT");
    assert_eq!(attribute(&poll.attributes, "messaging.batch.message_count").as_deref(), Some("1"));
    assert_eq!((&publish.trace_id, &publish.parent_span_id), (&poll.trace_id, &poll.span_id));
    let [link] = &publish.links[..] else { panic!("links: {:?}", publish.links) };
    assert_eq!((&link.trace_id, &link.span_id), (&create.trace_id, &create.span_id));
    assert_has(
        &publish,
        &[
            ("messaging.system", "kafka"),
            ("messaging.operation.name", "send"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", TOPIC),
            ("kafka.topic", TOPIC),
            ("messaging.kafka.message.key", "account-7"),
            ("messaging.kafka.offset", "5"),
            ("messaging.message.id", &row["id"]),
            ("messaging.message.body.size", "2"),
            ("event_id", &row["id"]),
            ("event_type", "EntryPosted"),
            ("aggregate_id", "7"),
            ("attempts", "1"),
        ],
    );
    let dwell: f64 = attribute(&publish.attributes, "dwell_seconds").unwrap().parse().unwrap();
    assert!((0.0..20.0).contains(&dwell), "{dwell}");
    for statement in ["SELECT outbox", "UPDATE outbox sent"] {
        let span = collector.span(statement);
        assert_eq!((span.trace_id, span.parent_span_id), (poll.trace_id.clone(), poll.span_id.clone()));
    }
    let select = collector.span("SELECT outbox");
    assert_has(&select, &[("db.system.name", "postgresql"), ("db.namespace", "postgres")]);
    assert!(poll.start_time_unix_nano <= select.start_time_unix_nano);
    assert!(select.end_time_unix_nano <= publish.start_time_unix_nano);
}

#[test]
fn a_look_that_finds_nothing_makes_no_span() {
    let recorder = Recorder::new();
    let collector = run(&[], async move {
        let pool = postgres().await;
        let before = tracing::info_span!("before");
        drop(before);
        let mut relay = relay(&pool, &recorder);
        for _ in 0..3 {
            assert_eq!(relay.once().await.unwrap().sent, 0);
        }
    });
    let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    let made: Vec<&String> =
        names.iter().filter(|name| !name.starts_with("CREATE") && *name != "lock schema").collect();
    assert_eq!(made, ["before"], "{names:?}");
}

#[test]
fn each_attempt_is_a_span_of_its_own_with_the_same_link() {
    let tries = std::sync::atomic::AtomicU32::new(0);
    let recorder = Recorder::refusing(move |_| {
        let first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        first.then(|| PublishError::transient("leader elections").error_type("NotLeader"))
    });
    let clock = super::HandClock::start();
    let collector = run(&[], async move {
        let pool = postgres().await;
        stage(&pool, event("EntryPosted", "a")).await;
        let mut relay = relay(&pool, &recorder).clock(clock.read());
        relay.once().await.unwrap();
        clock.advance(std::time::Duration::from_secs(60));
        assert_eq!(relay.once().await.unwrap().sent, 1);
    });
    let create = collector.span("create ledger.entry.v1");
    let mut attempts: Vec<_> =
        collector.spans().into_iter().filter(|span| span.name == "publishEvent").collect();
    attempts.sort_by_key(|span| span.start_time_unix_nano);
    let [failed, sent] = &attempts[..] else { panic!("{attempts:?}") };
    for (span, number) in [(failed, "1"), (sent, "2")] {
        assert_eq!(attribute(&span.attributes, "attempts").as_deref(), Some(number));
        assert_eq!(span.links.len(), 1);
        assert_eq!(span.links[0].span_id, create.span_id);
    }
    assert_ne!(failed.trace_id, sent.trace_id, "a poll each");
    assert_eq!(attribute(&failed.attributes, "error.type").as_deref(), Some("NotLeader"));
    let status = failed.status.clone().unwrap();
    assert_eq!(status.code, 2);
    assert_eq!(status.message, "the broker did not take the message: leader elections");
    assert_eq!(failed.events[0].name, "exception");
    assert_eq!(sent.status.clone().unwrap_or_default().code, 0);
}

#[test]
fn an_unsampled_request_sends_its_context_on_as_it_is() {
    let recorder = Recorder::new();
    let observer = recorder.clone();
    let collector = run(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")], async move {
        let pool = postgres().await;
        let headers = HashMap::from([(
            "traceparent".to_owned(),
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02".to_owned(),
        )]);
        let span = propagation::extract(&headers).in_scope(|| tracing::info_span!("request"));
        stage(&pool, event("EntryPosted", "a")).instrument(span).await;
        relay(&pool, &observer).once().await.unwrap();
    });
    let taken = recorder.taken();
    let parent = taken[0].headers.iter().find(|(name, _)| name == "traceparent").unwrap();
    assert!(parent.1.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{}", parent.1);
    assert!(parent.1.ends_with("-02"), "{}", parent.1);
    assert_eq!(collector.spans().len(), 0);
}

#[tokio::test]
async fn without_telemetry_messages_are_sent_all_the_same() {
    let (pool, recorder) = (postgres().await, Recorder::new());
    let id = stage(&pool, event("EntryPosted", "a")).await;
    assert_eq!(relay(&pool, &recorder).once().await.unwrap().sent, 1);
    assert_eq!(recorder.taken()[0].id.to_string(), id);
}
