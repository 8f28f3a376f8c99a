//! Several messages processed together.

use std::io::Error;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::OwnedHeaders;
use rdkafka::{Message, Offset};
use throughline_toolkit::testing::{Sink, Value};
use tracing::{Instrument, info_span};

use super::{Place, key, run};
use crate::LIMIT;

const GATHER: Duration = Duration::from_secs(2);

#[test]
fn a_batch_links_to_the_trace_of_each_of_its_messages() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("batch").await;
        let producer = place.producer();
        for user in ["alice", "bob", "carol"] {
            let send = producer.send(place.record(user), LIMIT);
            send.instrument(info_span!("request", user)).await.unwrap();
        }
        place.produce_plain("dave", OwnedHeaders::new()).await;
        let consumer = place.consumer();
        let batch = consumer.recv_batch(4, GATHER).await.unwrap();
        let keys: Vec<_> = batch.iter().map(|message| key(&**message)).collect();
        assert_eq!(keys, ["alice", "bob", "carol", "dave"]);
        let project = batch.process(|messages| async move {
            drop(info_span!("INSERT statements"));
            Ok::<_, Error>(messages.iter().filter_map(|m| m.payload()).count())
        });
        assert_eq!(project.await.unwrap(), 4);
        consumer.commit_batch(&batch, CommitMode::Sync).unwrap();
        let committed = consumer.committed(LIMIT).unwrap();
        assert_eq!(committed.find_partition(&place.topic, 0).unwrap().offset(), Offset::Offset(4));
        place.topic
    });
    let trace = sink.trace_of("INSERT statements");
    let commit = trace.span(&format!("commit {topic}")).child_of(&format!("process {topic}"));
    let commit = commit.has("messaging.batch.message_count", 4).has_no("messaging.kafka.offset");
    let committed: Vec<_> = commit.links().map(|link| link.attribute("messaging.kafka.offset")).collect();
    assert_eq!(committed, [0, 1, 2].map(|offset| Some(Value::Int(offset))));
    let process = trace.root().is_consumer().is_root().has_links(3);
    assert_eq!(process.name(), format!("process {topic}"));
    let process = process
        .has("messaging.batch.message_count", 4)
        .has("messaging.destination.partition.id", "0")
        .has("messaging.consumer.group.name", &*topic)
        .has_no("messaging.kafka.offset");
    let sent = super::spans_named(&sink, &format!("send {topic}"), 3);
    let traces: std::collections::HashSet<_> = sent.iter().map(|span| span.trace_id()).collect();
    assert_eq!(traces.len(), 3);
    for (offset, (link, sent)) in process.links().zip(&sent).enumerate() {
        assert_eq!(link.span_id(), sent.span_id());
        assert_eq!(link.trace_id(), sent.trace_id());
        let of_link = |key: &str| link.attribute(key).unwrap();
        assert_eq!(of_link("messaging.kafka.offset"), Value::Int(i64::try_from(offset).unwrap()));
        assert_eq!(of_link("messaging.destination.partition.id"), Value::Text("0".to_owned()));
        assert_eq!(
            Some(of_link("messaging.kafka.message.key")),
            sent.attribute("messaging.kafka.message.key")
        );
    }
    let topic = [("messaging.destination.name", topic.as_str())];
    assert_eq!(sink.metric("messaging.client.consumed.messages").point(topic).sum(), 4.0);
}

#[test]
fn a_batch_of_several_topics_names_them_on_its_links() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topics = run(&telemetry, async {
        let (one, other) = (Place::new("batch-one").await, Place::new("batch-other").await);
        one.producer().send(one.record("a"), LIMIT).await.unwrap();
        other.producer().send(other.record("b"), LIMIT).await.unwrap();
        let consumer = one.consumer();
        consumer.subscribe(&[&one.topic, &other.topic]).unwrap();
        let batch = consumer.recv_batch(2, GATHER * 5).await.unwrap();
        batch.process(|_| async { Ok::<_, Error>(()) }).await.unwrap();
        consumer.commit_batch(&batch, CommitMode::Sync).unwrap();
        let mut topics: Vec<_> = batch.iter().map(|message| message.topic().to_owned()).collect();
        topics.sort();
        assert_eq!(topics, [one.topic.clone(), other.topic.clone()]);
        let committed = consumer.committed(LIMIT).unwrap();
        for topic in &topics {
            assert_eq!(committed.find_partition(topic, 0).unwrap().offset(), Offset::Offset(1));
        }
        topics
    });
    let trace = sink.trace_of("process");
    let process = trace.span("process").has_no("messaging.destination.name").has_links(2);
    let mut linked: Vec<_> = process
        .links()
        .map(|link| link.attribute("messaging.destination.name").and_then(|v| v.as_str().map(str::to_owned)))
        .collect();
    linked.sort();
    assert_eq!(linked, topics.into_iter().map(Some).collect::<Vec<_>>());
}

#[test]
fn a_batch_is_what_came_in_time() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    run(&telemetry, async {
        let place = Place::new("batch-short").await;
        for key in ["a", "b", "c"] {
            place.producer().send(place.record(key), LIMIT).await.unwrap();
        }
        let consumer = place.consumer();
        let first = consumer.recv_batch(2, GATHER).await.unwrap();
        assert_eq!(first.len(), 2, "as many as asked for");
        let rest = consumer.recv_batch(10, Duration::from_millis(50)).await.unwrap();
        assert_eq!(rest.len(), 1, "no more came");
    });
}
