//! Both clients, each with the messages of the other.

use std::io::Error;
use std::time::Duration;

use krafka::Kafka;
use krafka::consumer::AutoOffsetReset;
use rdkafka::Message;
use throughline_toolkit::SpanExt;
use throughline_toolkit::kafka::krafka::{TracedConsumer, TracedProducer};
use throughline_toolkit::testing::Sink;
use tracing::{Instrument, info_span};

use super::{Place, headers, run, spans_named};
use crate::LIMIT;

impl Place {
    async fn krafka(&self) -> Kafka {
        Kafka::builder(&self.broker).connect().await.unwrap()
    }

    async fn krafka_producer(&self) -> TracedProducer {
        let producer = self.krafka().await.producer().build().await.unwrap();
        TracedProducer::new(producer).client(|client| client.id("pure").server(&self.broker))
    }

    async fn krafka_consumer(&self) -> TracedConsumer {
        let group = format!("{}.pure", self.topic);
        let consumer = self.krafka().await.consumer(group.as_str()).enable_auto_commit(false);
        let consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
        let consumer =
            TracedConsumer::new(consumer).client(|client| client.group(group).server(&self.broker));
        consumer.subscribe([&self.topic]).await.unwrap();
        consumer
    }
}

#[test]
fn krafka_sends_what_rdkafka_receives() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("krafka-out").await;
        let producer = place.krafka_producer().await;
        let record = krafka::Record::new(&*place.topic, "booked").key("42").header("message-id", "e-7");
        let stale = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let send = producer.send(record.header("traceparent", stale));
        let stored = send.instrument(info_span!("request")).await.unwrap();
        assert_eq!(stored.offset, 0);
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        place.topic
    });
    let (send, process) = (format!("send {topic}"), format!("process {topic}"));
    let trace = sink.trace_of("request");
    trace.has_spans(3).reads(&format!(
        "
        request [ledger]
          {send} [producer]
            {process} [consumer]
        "
    ));
    trace
        .span(&send)
        .has("messaging.system", "kafka")
        .has("messaging.client.id", "pure")
        .has("server.address", "127.0.0.1")
        .has("messaging.destination.partition.id", "0")
        .has("messaging.kafka.offset", 0)
        .has("messaging.kafka.message.key", "42")
        .has("messaging.message.id", "e-7")
        .has("messaging.message.body.size", 6);
    trace.span(&process).linked_to(&send).has("messaging.message.id", "e-7");
}

#[test]
fn krafka_receives_what_rdkafka_sends() {
    let sink = Sink::start().waiting_at_most(LIMIT);
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("krafka-in").await;
        let headers = headers(&[("message-id", Some(b"e-7"))]);
        let producer = place.producer();
        let send = producer.send(place.record("42").headers(headers), LIMIT);
        send.instrument(info_span!("request")).await.unwrap();
        let consumer = place.krafka_consumer().await;
        let message = consumer.recv().await.unwrap().unwrap();
        message.process(|m| async move { assert_eq!(m.value_str(), Some("booked")) }).await;
        consumer.commit(&message).await.unwrap();
        let lag = sink.until(|_| sink.metrics().iter().any(|metric| metric.name() == "consumer_lag"), LIMIT);
        lag.await;
        consumer.close().await.unwrap();
        place.topic
    });
    let (send, process, commit) =
        (format!("send {topic}"), format!("process {topic}"), format!("commit {topic}"));
    let trace = sink.trace_of("request");
    trace.has_spans(4).reads(&format!(
        "
        request [ledger]
          {send} [producer]
            {process} [consumer]
              {commit} [client]
        "
    ));
    trace
        .span(&process)
        .linked_to(&send)
        .has("messaging.consumer.group.name", format!("{topic}.pure"))
        .has("server.address", "127.0.0.1")
        .has("messaging.kafka.offset", 0)
        .has("messaging.kafka.message.timestamp_type", "CreateTime")
        .has("messaging.message.id", "e-7");
    let lag = sink.metric("consumer_lag");
    assert_eq!(lag.point([("messaging.destination.name", topic.as_str())]).value(), 0.0);
}

#[test]
fn krafka_batches_link_and_commit() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("krafka-batch").await;
        let producer = place.krafka_producer().await;
        for n in 0..3 {
            let record = krafka::Record::new(&*place.topic, "booked").key("42");
            let stored = producer.send(record).instrument(info_span!("request", n)).await.unwrap();
            assert_eq!(stored.offset, n);
        }
        let consumer = place.krafka_consumer().await;
        let batch = loop {
            let batch = consumer.poll(Duration::from_secs(1)).await.unwrap();
            if !batch.is_empty() {
                break batch;
            }
        };
        assert_eq!(batch.len(), 3);
        batch.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        consumer.commit_batch(&batch).await.unwrap();
        consumer.close().await.unwrap();
        place.topic
    });
    let sent = spans_named(&sink, &format!("send {topic}"), 3);
    let [process] = <[_; 1]>::try_from(spans_named(&sink, &format!("process {topic}"), 1)).unwrap();
    let linked: Vec<_> = process.links().map(|link| link.span_id()).collect();
    assert_eq!(linked, sent.iter().map(|span| span.span_id()).collect::<Vec<_>>());
    let [commit] = <[_; 1]>::try_from(spans_named(&sink, &format!("commit {topic}"), 1)).unwrap();
    assert_eq!(commit.parent_id(), Some(process.span_id()));
    assert_eq!(commit.links().count(), 3);
}

#[test]
fn krafka_sends_what_was_created_earlier_and_names_its_errors() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::new("krafka-outbox").await;
        let creation = info_span!("create entry", otel.kind = "producer").context();
        let producer = place.krafka_producer().await;
        let record = krafka::Record::new(&*place.topic, "booked");
        assert!(producer.send_created(&creation, record).await.unwrap().is_success());
        let consumer = place.consumer();
        let message = consumer.recv().await.unwrap();
        assert_eq!(message.creation().span_id(), creation.span_id());
        assert_eq!(message.payload(), Some(&b"booked"[..]));
        producer.send(krafka::Record::new("no such topic", "lost")).await.unwrap_err();
        place.topic
    });
    let send = format!("send {topic}");
    sink.trace_of(&send).span(&send).is_client().is_root().linked_to("create entry");
    let failed = sink.trace_of("send no such topic");
    let failed = failed.span("send no such topic").failed();
    let error_type = failed.attribute("error.type").unwrap();
    assert!(!error_type.as_str().unwrap().contains([' ', '(']), "{error_type:?}");
}
