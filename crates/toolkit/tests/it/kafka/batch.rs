//! Several messages processed together.

use std::io::Error;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::message::OwnedHeaders;
use rdkafka::{Message, Offset};
use throughline_toolkit::SpanExt;
use throughline_toolkit::kafka::{Batch, Client};
use throughline_toolkit::propagation::{SpanId, TraceContext, TraceId};
use throughline_toolkit::testing::{Sink, Value};
use tracing::{Instrument, info_span};

use super::{Place, headers, key, run};
use crate::LIMIT;
use crate::collector::{Collector, Mode};

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

/// A span that handled a batch of so many messages, and on which the application then added links of
/// its own, as it was sent; with these variables set.
fn sent(messages: u32, own_links: u32, variables: &[(&str, &str)]) -> Span {
    let collector = Collector::start(Mode::Works);
    let telemetry = crate::telemetry(&collector.address, variables);
    run(&telemetry, async {
        let context = |n: u32| format!("00-0af7651916cd43dd8448eb211c80319c-{n:016x}-01");
        let message =
            |n| super::received::message(Some(headers(&[("traceparent", Some(context(n).as_bytes()))])));
        let batch = Batch::new(&Client::new(), (1..=messages).map(message));
        let other = TraceContext::remote(TraceId::from(1), SpanId::from(2), true);
        let handler = |_| async {
            (0..own_links).for_each(|_| tracing::Span::current().add_link(&other));
            Ok::<_, Error>(())
        };
        batch.process(handler).await.unwrap();
    });
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless(), "{report}");
    collector.span("process orders")
}

/// The message that each link leads to, counted from 1.
fn linked(span: &Span) -> Vec<u64> {
    let id = |link: &Link| u64::from_be_bytes(link.span_id.as_slice().try_into().unwrap());
    span.links.iter().map(id).collect()
}

#[test]
fn a_large_batch_keeps_a_link_to_each_of_its_messages() {
    let span = sent(500, 0, &[]);
    assert_eq!((linked(&span), span.dropped_links_count), ((1..=500).collect(), 0));
}

#[test]
fn beyond_8192_links_are_counted_and_not_kept() {
    let span = sent(8_200, 0, &[]);
    assert_eq!((linked(&span), span.dropped_links_count), ((1..=8_192).collect(), 8));
}

#[test]
fn links_that_the_application_adds_keep_their_limit_beside_those_of_the_batch() {
    let span = sent(500, 130, &[]);
    assert_eq!((span.links.len(), span.dropped_links_count), (500 + 128, 2));
}

#[test]
fn a_limit_of_links_that_is_set_holds_for_all_of_them() {
    let limit = [("OTEL_SPAN_LINK_COUNT_LIMIT", "10")];
    let span = sent(500, 0, &limit);
    assert_eq!((linked(&span), span.dropped_links_count), ((1..=10).collect(), 490));
    let span = sent(7, 5, &limit);
    assert_eq!((span.links.len(), span.dropped_links_count), (10, 2));
    let span = sent(500, 0, &[("OTEL_SPAN_LINK_COUNT_LIMIT", "400")]);
    assert_eq!((span.links.len(), span.dropped_links_count), (400, 100));
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
