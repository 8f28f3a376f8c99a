//! One message, there and back.

use std::io::Error;
use std::time::Duration;

use futures::StreamExt;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::Headers;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Message, Offset};
use throughline_toolkit::kafka::rdkafka::{TracedConsumer, TracedProducer};
use throughline_toolkit::kafka::{Client, Received};
use throughline_toolkit::propagation::TraceContext;
use throughline_toolkit::testing::{Sink, Value};
use throughline_toolkit::{RecordError, SpanExt};
use tracing::{Instrument, info_span};

use super::{Place, headers, key, run};
use crate::LIMIT;

#[test]
fn a_message_continues_the_trace_of_the_request_that_sent_it() {
    let sink = Sink::start();
    let (ledger, read_model) = (sink.telemetry("ledger"), sink.telemetry("read-model"));
    let place = run(&ledger, async {
        let place = Place::new("round-trip").await;
        let send = async {
            let headers = headers(&[("message-id", Some(b"e-7")), ("event-type", Some(b"booked"))]);
            place.producer().send(place.record("account-42").headers(headers), LIMIT).await.unwrap()
        };
        let delivery = send.instrument(info_span!("POST /v1/transfers", otel.kind = "server")).await;
        assert_eq!((delivery.partition, delivery.offset), (0, 0));
        place
    });
    run(&read_model, async {
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        assert!(message.creation().is_valid());
        let project = |message| async move {
            assert_eq!(key(message), "account-42");
            drop(info_span!("INSERT statements", otel.kind = "client"));
            Ok::<_, Error>(7)
        };
        assert_eq!(message.process(|m| project(&**m)).await.unwrap(), 7);
        consumer.commit(&message, CommitMode::Sync).unwrap();
    });
    let (send, process, commit) = (
        format!("send {}", place.topic),
        format!("process {}", place.topic),
        format!("commit {}", place.topic),
    );
    let trace = sink.trace_of("POST /v1/transfers");
    trace.has_spans(5).has_no_errors().reads_with(
        |shown| shown.links(),
        &format!(
            "
            POST /v1/transfers [server ledger]
              {send} [producer]
                {process} [consumer read-model] -> {send}
                  INSERT statements [client]
                  {commit} [client] -> {send}
            "
        ),
    );
    for (span, operation, kind) in [(&send, "send", "send"), (&process, "process", "process")] {
        trace
            .span(span)
            .has("messaging.system", "kafka")
            .has("messaging.operation.name", operation)
            .has("messaging.operation.type", kind)
            .has("messaging.destination.name", &*place.topic)
            .has("messaging.destination.partition.id", "0")
            .has("messaging.kafka.offset", 0)
            .has("messaging.kafka.message.key", "account-42")
            .has("messaging.message.body.size", 6)
            .has("messaging.message.id", "e-7")
            .has("messaging.client.id", "under-test")
            .has("server.address", "127.0.0.1")
            .has("server.port", place.port())
            .has_no("messaging.kafka.message.tombstone")
            .has_no("error.type");
    }
    let consumed = trace.span(&process);
    let queued = consumed.attribute("messaging.kafka.queue_time");
    assert!(matches!(queued, Some(Value::Double(s)) if (0.0..60.0).contains(&s)), "{queued:?}");
    consumed
        .has("messaging.kafka.message.timestamp_type", "CreateTime")
        .has("messaging.consumer.group.name", &*place.topic);
    trace
        .span(&commit)
        .has("messaging.operation.name", "commit")
        .has("messaging.operation.type", "settle")
        .has("messaging.kafka.offset", 0)
        .has("messaging.consumer.group.name", &*place.topic)
        .has("server.port", place.port());
    let topic = ("messaging.destination.name", place.topic.as_str());
    assert_eq!(sink.metric("messaging.client.sent.messages").point([topic]).sum(), 1.0);
    assert_eq!(sink.metric("messaging.client.consumed.messages").point([topic]).sum(), 1.0);
    let durations = sink.metric("messaging.client.operation.duration");
    assert_eq!(durations.point([topic, ("messaging.operation.name", "send")]).count(), 1);
    assert_eq!(durations.point([topic, ("messaging.operation.name", "commit")]).count(), 1);
    let group = ("messaging.consumer.group.name", place.topic.as_str());
    let port = place.port().to_string();
    let server = [("server.address", "127.0.0.1"), ("server.port", port.as_str())];
    let processed = sink.metric("messaging.process.duration");
    assert_eq!(processed.point([topic, group, server[0], server[1]]).count(), 1);
    assert_eq!(
        durations.point([topic, ("messaging.operation.name", "send"), server[0], server[1]]).count(),
        1
    );
}

#[test]
fn of_several_bootstrap_servers_none_is_named_unless_said() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("several-servers").await;
        let mut config = place.config();
        config.set("bootstrap.servers", format!("{0},{0}", place.broker));
        let producer: TracedProducer = config.create().unwrap();
        producer.send(place.record("any"), LIMIT).await.unwrap();
        let producer = producer.client(|client| client.server("kafka.shop"));
        producer.send(place.record("said"), LIMIT).await.unwrap();
        place.topic
    });
    let sent = super::spans_named(&sink, &format!("send {topic}"), 2);
    let server = |n: usize| ["server.address", "server.port"].map(|key| sent[n].attribute(key));
    assert_eq!(server(0), [None, None]);
    assert_eq!(server(1), [Some("kafka.shop".into()), Some(9092.into())]);
}

#[test]
fn what_the_committed_consumer_leaves_behind_is_where_the_next_goes_on() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    run(&telemetry, async {
        let place = Place::new("commit").await;
        for key in ["a", "b", "c"] {
            place.producer().send(place.record(key), LIMIT).await.unwrap();
        }
        let consumer = place.consumer();
        let first = consumer.recv().await.unwrap();
        let second = consumer.recv().await.unwrap();
        assert_eq!((key(&*first), key(&*second)), ("a".to_owned(), "b".to_owned()));
        consumer.commit(&second, CommitMode::Sync).unwrap();
        let committed = consumer.committed(LIMIT).unwrap();
        let committed = committed.find_partition(&place.topic, 0).unwrap().offset();
        assert_eq!(committed, Offset::Offset(2));
    });
}

#[test]
fn a_record_out_of_an_outbox_carries_its_creation_unaltered() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("outbox").await;
        let create = info_span!("create entry", otel.kind = "producer");
        let creation = create.context().with_baggage("tenant", "acme");
        drop(create);
        let relay = async {
            let stale =
                headers(&[("traceparent", Some(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))]);
            place.producer().send_created(&creation, place.record("42").headers(stale), LIMIT).await.unwrap();
        };
        relay.instrument(info_span!("outbox relay")).await;
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        assert_eq!(message.creation().span_id(), creation.span_id());
        assert_eq!(message.creation().baggage("tenant"), Some("acme"));
        assert_eq!(message.headers().unwrap().count(), 2, "the stale context is gone");
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        place.topic
    });
    let (send, process) = (format!("send {topic}"), format!("process {topic}"));
    sink.trace_of("create entry")
        .span(&process)
        .child_of("create entry")
        .linked_to("create entry")
        .has_links(1);
    sink.trace_of("outbox relay").has_spans(2);
    sink.trace_of("outbox relay")
        .span(&send)
        .is_client()
        .child_of("outbox relay")
        .linked_to("create entry")
        .has_links(1);
}

#[test]
fn a_tombstone_is_called_one() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("tombstone").await;
        let record = FutureRecord::<str, str>::to(&place.topic).key("42");
        place.producer().send(record, LIMIT).await.unwrap();
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        assert!(message.payload().is_none());
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        place.topic
    });
    let trace = sink.trace_of(&format!("send {topic}"));
    for name in ["send", "process"] {
        trace
            .span(&format!("{name} {topic}"))
            .has("messaging.kafka.message.tombstone", true)
            .has("messaging.kafka.message.key", "42")
            .has_no("messaging.message.body.size");
    }
}

#[test]
fn the_broker_time_stamp_is_told_from_the_producers() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let settings = [("message.timestamp.type", "LogAppendTime")];
        let place = Place::on(crate::services::kafka(), "append-time", &settings).await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        place.topic
    });
    let trace = sink.trace_of(&format!("send {topic}"));
    let process = trace.span(&format!("process {topic}"));
    process.has("messaging.kafka.message.timestamp_type", "LogAppendTime");
}

#[test]
fn without_telemetry_everything_works_and_headers_stay() {
    const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let place = Place::new("plain").await;
        let before = headers(&[("event-type", Some(b"booked")), ("traceparent", Some(PARENT))]);
        place.producer().send(place.record("42").headers(before), LIMIT).await.unwrap();
        let consumer = place.consumer();
        let message = tokio::time::timeout(LIMIT, consumer.recv()).await.unwrap().unwrap();
        let kept: Vec<_> = message.headers().unwrap().iter().map(|h| (h.key, h.value)).collect();
        assert_eq!(kept, [("event-type", Some(&b"booked"[..])), ("traceparent", Some(PARENT))]);
        let forwarded = message.process(|_| async { Ok::<_, Error>(TraceContext::current()) });
        assert_eq!(forwarded.await.unwrap().span_id(), message.creation().span_id());
        consumer.commit(&message, CommitMode::Sync).unwrap();
    });
}

#[test]
fn a_failing_handler_fails_its_span_and_keeps_its_error() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("handler").await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        let failed = message.process(|_| async {
            Err::<(), _>(Error::other("no such account")).record_error_as("unknown_account")
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "no such account");
        place.topic
    });
    let trace = sink.trace_of(&format!("send {topic}"));
    let process = trace.span(&format!("process {topic}"));
    process.failed_with("unknown_account").has_exception("no such account");
    let failed = [("error.type", "unknown_account")];
    assert_eq!(sink.metric("messaging.process.duration").point(failed).count(), 1);
}

#[test]
fn a_handler_that_is_dropped_was_cancelled_and_one_that_panics_failed() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("dropped").await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        let never = message.process(|_| std::future::pending::<Result<(), Error>>());
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        let panics = message.process(|m| async move {
            assert!(m.payload().is_none(), "a bug");
            Ok::<_, Error>(())
        });
        let panicked = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panics)).await;
        assert!(panicked.is_err());
        place.topic
    });
    let trace = sink.trace_of(&format!("send {topic}"));
    let spans = trace.spans_named(&format!("process {topic}"));
    let [cancelled, panicked] = <[_; 2]>::try_from(spans).unwrap_or_else(|s| panic!("{} spans", s.len()));
    cancelled.has_event("cancelled").ended_ok();
    panicked.failed_with("panic");
}

#[test]
fn messages_processed_inside_another_span_link_to_it() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("ambient").await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let consumer = place.consumer();
        let work = async {
            let message = consumer.recv().await.unwrap();
            message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
            consumer.commit(&message, CommitMode::Async).unwrap();
        };
        work.instrument(info_span!("import")).await;
        place.topic
    });
    let send = format!("send {topic}");
    let trace = sink.trace_of(&send);
    trace.span(&format!("process {topic}")).child_of(&send).linked_to(&send).linked_to("import").has_links(2);
    sink.trace_of("import").span(&format!("commit {topic}")).child_of("import").linked_to(&send);
}

#[test]
fn clients_that_exist_already_are_wrapped() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("wrapped").await;
        let producer: FutureProducer = place.config().create().unwrap();
        let producer = TracedProducer::new(producer).client(|client| client.id("mine"));
        producer.send(place.record("42"), LIMIT).await.unwrap();
        producer.clone().send(place.record("43"), LIMIT).await.unwrap();
        let consumer: StreamConsumer = place.consumer_config().create().unwrap();
        let consumer = TracedConsumer::new(consumer).client(|client| client.group("mine"));
        consumer.subscribe(&[&place.topic]).unwrap();
        let streamed = consumer.stream().next().await.unwrap().unwrap();
        consumer.trace(streamed).process(|_| async {}).await;
        let message = consumer.recv().await.unwrap();
        let (owned, client) = (message.detach(), Client::new().group("elsewhere"));
        let elsewhere = tokio::spawn(async move { Received::new(&client, owned).creation().clone() });
        assert_eq!(elsewhere.await.unwrap(), *message.creation());
        consumer.commit(&message, CommitMode::Sync).unwrap();
        place.topic
    });
    let sent = super::spans_named(&sink, &format!("send {topic}"), 2);
    assert_eq!(sent[0].attribute("messaging.client.id"), Some(Value::Text("mine".to_owned())));
    let trace = sink.trace(sent[0].trace_id());
    trace.span(&format!("process {topic}")).has("messaging.consumer.group.name", "mine");
}
