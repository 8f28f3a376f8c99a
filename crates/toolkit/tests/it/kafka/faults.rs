//! Brokers that refuse, break off and come back; consumers that are replaced.

use std::io::Error;

use rdkafka::consumer::CommitMode;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::FutureRecord;
use throughline_services::{Instance, Kind};
use throughline_toolkit::testing::Sink;
use tracing::{Instrument, info_span};

use super::{Place, key, run, spans_named};
use crate::LIMIT;

#[test]
fn a_refused_record_fails_its_span_with_the_name_of_the_code() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let topic = run(&telemetry, async {
        let place = Place::on(crate::services::kafka(), "too-large", &[("max.message.bytes", "100")]).await;
        let large = "x".repeat(1_000);
        let record = FutureRecord::to(&place.topic).key("42").payload(&large);
        let refused = place.producer().send(record, LIMIT).await.unwrap_err();
        assert_eq!(refused, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
        place.topic
    });
    let name = format!("send {topic}");
    sink.trace_of(&name)
        .span(&name)
        .failed_with("message_size_too_large")
        .has_exception("Message production error")
        .has_no("messaging.kafka.offset");
    let failed = [("messaging.destination.name", topic.as_str()), ("error.type", "message_size_too_large")];
    assert_eq!(sink.metric("messaging.client.sent.messages").point(failed).sum(), 1.0);
    assert_eq!(sink.metric("messaging.client.operation.duration").point(failed).count(), 1);
}

#[test]
fn a_topic_that_does_not_exist_is_an_error() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    run(&telemetry, async {
        let place = Place { broker: crate::services::kafka(), topic: "no/such/topic".to_owned() };
        place.producer().send(place.record("42"), LIMIT).await.unwrap_err();
    });
    let trace = sink.trace_of("send no/such/topic");
    let span = trace.span("send no/such/topic").failed();
    let error_type = span.attribute("error.type").unwrap();
    let known = ["unknown_topic", "unknown_topic_or_partition", "invalid_topic", "message_timed_out"];
    assert!(known.contains(&error_type.as_str().unwrap()), "{error_type:?}");
}

#[test]
fn messages_that_were_not_committed_come_again_with_their_context() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("again").await;
        let producer = place.producer();
        for n in 0..3 {
            producer.send(place.record("42"), LIMIT).instrument(info_span!("request", n)).await.unwrap();
        }
        let first = place.consumer();
        for _ in 0..3 {
            let message = first.recv().await.unwrap();
            let failed = message.process(|_| async { Err::<(), _>(Error::other("database is down")) });
            failed.await.unwrap_err();
        }
        drop(first);
        let second = place.consumer();
        for _ in 0..3 {
            let message = second.recv().await.unwrap();
            message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
            second.commit(&message, CommitMode::Sync).unwrap();
        }
        place.topic
    });
    let sent = spans_named(&sink, &format!("send {topic}"), 3);
    let processed = spans_named(&sink, &format!("process {topic}"), 6);
    for (process, send) in processed.iter().zip(sent.iter().cycle()) {
        assert_eq!((process.trace_id(), process.parent_id()), (send.trace_id(), Some(send.span_id())));
        assert_eq!(process.links().next().unwrap().span_id(), send.span_id());
        assert_eq!(process.attribute("messaging.kafka.offset"), send.attribute("messaging.kafka.offset"));
    }
    assert!(processed[..3].iter().all(|span| span.is_error()));
    assert!(!processed[3..].iter().any(|span| span.is_error()));
}

#[test]
fn clients_go_on_after_the_broker_was_away() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let mut broker = Instance::start(Kind::Kafka).expect("a Kafka of the test's own");
    let topic = run(&telemetry, async {
        let place = Place::on(broker.address(), "away", &[]).await;
        let (producer, consumer) = (place.producer(), place.consumer());
        producer.send(place.record("before"), LIMIT).await.unwrap();
        let message = consumer.recv().await.unwrap();
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        consumer.commit(&message, CommitMode::Sync).unwrap();
        drop(message);

        broker.kill().unwrap();
        let impatient: throughline_toolkit::kafka::rdkafka::TracedProducer =
            place.config().set("message.timeout.ms", "1500").create().unwrap();
        let lost = impatient.send(place.record("lost"), LIMIT).await.unwrap_err();
        assert_eq!(lost, KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut));
        // This one waits for the broker.
        let patient: throughline_toolkit::kafka::rdkafka::TracedProducer =
            place.config().set("message.timeout.ms", "50000").create().unwrap();
        let sending = patient.send(place.record("after"), LIMIT);
        let restart = tokio::task::spawn_blocking(move || broker.restart().map(|()| broker));
        let (sent, broker) = tokio::join!(sending, restart);
        sent.unwrap();
        let _running = broker.unwrap().unwrap();
        let message = loop {
            match consumer.recv().await {
                Ok(message) => break message,
                Err(KafkaError::MessageConsumption(_)) => {}
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(key(&*message), "after");
        message.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        drop(message);
        drop(consumer);
        place.topic
    });
    let sent = spans_named(&sink, &format!("send {topic}"), 3);
    let [before, lost, after] = <[_; 3]>::try_from(sent).unwrap();
    assert!(!before.is_error() && !after.is_error());
    assert_eq!(lost.attribute("error.type").unwrap().as_str(), Some("message_timed_out"));
    let processed = spans_named(&sink, &format!("process {topic}"), 2);
    assert_eq!(processed[0].parent_id(), Some(before.span_id()));
    assert_eq!(processed[1].parent_id(), Some(after.span_id()));
    let down = sink.metric("messaging.kafka.client.errors");
    let down = down.point([("error.type", "all_brokers_down"), ("messaging.client.id", "under-test")]);
    assert!(down.sum() >= 1.0);
}
