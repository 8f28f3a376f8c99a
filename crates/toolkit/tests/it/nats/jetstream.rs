//! Streams and consumers: every delivery is told apart, and all belong to the trace of the message.

use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{pull, push};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, StorageType};
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline_toolkit::nats::jetstream::{TracedConsumer, TracedContext};
use throughline_toolkit::nats::{self, TracedClient};
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use super::{
    CLIENT, CONSUMER, PRODUCER, block_on, expect_attributes, is_child, is_linked, next, number, run,
    run_with, total, unique,
};
use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, services, telemetry};

const SOON: Duration = Duration::from_millis(200);

/// A stream of its own in memory, for subjects below its name.
struct Bed {
    name: String,
    jetstream: TracedContext,
}

impl Bed {
    async fn new(client: &TracedClient) -> Self {
        let name = unique("ORDERS");
        let jetstream = client.jetstream();
        let config = stream::Config {
            name: name.clone(),
            subjects: vec![format!("{name}.*")],
            storage: StorageType::Memory,
            ..stream::Config::default()
        };
        jetstream.create_stream(config).await.unwrap();
        Self { name, jetstream }
    }

    fn subject(&self, order: &str) -> String {
        format!("{}.{order}", self.name)
    }

    async fn publish(&self, order: &str) {
        self.jetstream.publish(self.subject(order), "order".into()).await.unwrap().await.unwrap();
    }

    async fn durable(&self, config: pull::Config) -> TracedConsumer<pull::Config> {
        let name = config.durable_name.clone().unwrap();
        let stream = self.jetstream.get_stream(&self.name).await.unwrap();
        self.jetstream.consumer(stream.get_or_create_consumer(&name, config).await.unwrap())
    }

    async fn worker(&self) -> TracedConsumer<pull::Config> {
        self.durable(worker()).await
    }

    async fn remove(self) {
        self.jetstream.delete_stream(&self.name).await.unwrap();
    }
}

fn worker() -> pull::Config {
    pull::Config { durable_name: Some("worker".to_owned()), ..pull::Config::default() }
}

/// The one span that is called `<order of any stream> <verb>`.
fn one(collector: &Collector, end: &str) -> Span {
    let [span] = all(collector, end).try_into().unwrap_or_else(|all: Vec<Span>| panic!("{end}: {all:#?}"));
    span
}

fn all(collector: &Collector, end: &str) -> Vec<Span> {
    let mut found: Vec<Span> = collector.spans().into_iter().filter(|s| s.name.ends_with(end)).collect();
    found.sort_by_key(|span| span.start_time_unix_nano);
    found
}

#[test]
fn publishing_lasts_until_the_stream_has_answered() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let publish = async {
            for _ in 0..2 {
                let message = PublishMessage::build().payload("order".into()).message_id("7");
                let ack = bed.jetstream.send_publish(bed.subject("placed"), message).await.unwrap();
                assert_eq!(ack.await.unwrap().sequence, 1);
            }
        };
        publish.instrument(tracing::info_span!("request")).await;
        bed.remove().await;
    });
    let [first, second] = all(&collector, ".placed publish").try_into().unwrap();
    for (publish, duplicate) in [(&first, "false"), (&second, "true")] {
        assert!(is_child(publish, &collector.span("request")));
        assert_eq!(publish.kind, PRODUCER);
        expect_attributes(
            publish,
            &[
                ("messaging.message.id", "7"),
                ("messaging.message.body.size", "5"),
                ("messaging.nats.stream_sequence", "1"),
                ("messaging.nats.duplicate", duplicate),
            ],
        );
        assert!(attribute(&publish.attributes, "messaging.nats.stream").unwrap().starts_with("ORDERS-"));
    }
}

#[test]
fn a_publish_that_fails_or_is_not_waited_for_says_so() {
    let nowhere = unique("nowhere");
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let lost = bed.jetstream.publish(nowhere.clone(), "".into()).await.unwrap().await;
        assert_eq!(lost.unwrap_err().kind(), PublishErrorKind::StreamNotFound);
        let wrong = PublishMessage::build().expected_last_sequence(40);
        let wrong = bed.jetstream.send_publish(bed.subject("wrong"), wrong).await.unwrap().await;
        assert_eq!(wrong.unwrap_err().kind(), PublishErrorKind::WrongLastSequence);
        drop(bed.jetstream.publish(bed.subject("hasty"), "".into()).await.unwrap());
        bed.jetstream.wait_for_acks().await;
        bed.remove().await;
    });
    expect_attributes(&collector.span(&format!("{nowhere} publish")), &[("error.type", "stream_not_found")]);
    expect_attributes(&one(&collector, ".wrong publish"), &[("error.type", "wrong_last_sequence")]);
    let hasty = one(&collector, ".hasty publish");
    assert!(hasty.events.is_empty() && hasty.status.is_none_or(|status| status.code != 2));
    assert_eq!(attribute(&hasty.attributes, "messaging.nats.stream_sequence"), None);
}

#[test]
fn a_pulled_message_is_handled_and_settled_in_the_trace_of_its_publisher() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let worker = bed.worker().await;
        bed.publish("placed").await;
        bed.publish("cancelled").await;
        let mut messages = worker.messages().await.unwrap();
        let message = next(&mut messages).await.unwrap();
        message.process(async |order| order.ack().await).await.unwrap();
        bed.remove().await;
    });
    let publish = one(&collector, ".placed publish");
    let (process, ack) = (one(&collector, ".placed process"), one(&collector, ".placed ack"));
    assert!(is_child(&process, &publish) && is_linked(&process, &publish) && is_child(&ack, &process));
    assert_eq!([process.kind, ack.kind], [CONSUMER, CLIENT]);
    let stream = attribute(&publish.attributes, "messaging.nats.stream").unwrap();
    for span in [&process, &ack] {
        expect_attributes(
            span,
            &[
                ("messaging.system", "nats"),
                ("messaging.destination.name", &format!("{stream}.placed")),
                ("messaging.consumer.name", "worker"),
                ("messaging.consumer.group.name", "worker"),
                ("messaging.nats.stream", &stream),
                ("messaging.nats.consumer", "worker"),
                ("messaging.nats.stream_sequence", "1"),
                ("messaging.nats.consumer_sequence", "1"),
                ("messaging.nats.delivered_count", "1"),
            ],
        );
    }
    expect_attributes(&process, &[("messaging.nats.pending", "1"), ("messaging.operation.type", "process")]);
    expect_attributes(&ack, &[("messaging.operation.name", "ack"), ("messaging.operation.type", "settle")]);
    let published = number(&process, "messaging.nats.published_unix_nano");
    let waited = number(&process, "messaging.nats.queue_time");
    assert!(published > 1.7e18 && waited.abs() < 20.0, "{published} {waited}");
    assert_eq!(attribute(&process.attributes, "messaging.nats.clock_skew").is_some(), waited < 0.0);
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.consumer.group.name", "worker")];
    assert_eq!(total(&metrics, "messaging.client.consumed.messages", &labels), 1);
    assert_eq!(total(&metrics, "messaging.process.duration", &labels), 1);
    assert_eq!(
        total(&metrics, "messaging.client.operation.duration", &[("messaging.operation.name", "ack")]),
        1
    );
}

#[test]
fn a_pushed_message_is_handled_in_the_trace_of_its_publisher() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let stream = bed.jetstream.get_stream(&bed.name).await.unwrap();
        let config = push::Config {
            durable_name: Some("pushed".to_owned()),
            deliver_subject: client.new_inbox(),
            filter_subject: bed.subject("*"),
            ..push::Config::default()
        };
        let consumer = bed.jetstream.consumer(stream.create_consumer(config).await.unwrap());
        let mut messages = consumer.messages().await.unwrap();
        bed.publish("placed").await;
        let message = next(&mut messages).await.unwrap();
        message.process(async |order| order.double_ack().await).await.unwrap();
        assert_eq!(consumer.get_info().await.unwrap().num_ack_pending, 0);
        bed.remove().await;
    });
    let (publish, process) = (one(&collector, ".placed publish"), one(&collector, ".* process"));
    assert!(is_child(&process, &publish));
    let stream = attribute(&publish.attributes, "messaging.nats.stream").unwrap();
    expect_attributes(
        &process,
        &[
            ("messaging.destination.name", &format!("{stream}.placed")),
            ("messaging.destination.template", &format!("{stream}.*")),
            ("messaging.nats.delivered_count", "1"),
            ("messaging.consumer.name", "pushed"),
        ],
    );
    assert!(is_child(&one(&collector, ".* double_ack"), &process));
}

/// What two deliveries of the message of one publisher have to do with it.
fn expect_attempts(collector: &Collector, counts: &[&str]) -> Vec<Span> {
    let publish = one(collector, ".placed publish");
    let attempts = all(collector, ".placed process");
    assert_eq!(attempts.len(), counts.len());
    for (attempt, count) in attempts.iter().zip(counts) {
        assert!(is_child(attempt, &publish) && is_linked(attempt, &publish));
        expect_attributes(
            attempt,
            &[("messaging.nats.delivered_count", *count), ("messaging.nats.stream_sequence", "1")],
        );
    }
    let published: Vec<_> =
        attempts.iter().map(|a| attribute(&a.attributes, "messaging.nats.published_unix_nano")).collect();
    assert!(published.windows(2).all(|pair| pair[0] == pair[1]), "{published:?}");
    attempts
}

#[test]
fn keeps_the_context_across_a_nak() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let worker = bed.worker().await;
        let mut messages = worker.messages().await.unwrap();
        let first = next(&mut messages).await.unwrap();
        first.process(async |order| order.nak(Some(SOON)).await).await.unwrap();
        let second = next(&mut messages).await.unwrap();
        second.process(async |order| order.ack().await).await.unwrap();
        bed.remove().await;
    });
    let attempts = expect_attempts(&collector, &["1", "2"]);
    let nak = one(&collector, ".placed nak");
    assert!(is_child(&nak, &attempts[0]));
    expect_attributes(&nak, &[("messaging.nats.nak_delay", "0.2")]);
    let waits: Vec<f64> = attempts.iter().map(|a| number(a, "messaging.nats.queue_time")).collect();
    assert!(waits[1] - waits[0] > 0.15, "{waits:?}");
}

#[test]
fn consumers_report_how_far_behind_they_are() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let work = async {
        let client = nats::connect(services::nats()).await.unwrap();
        let bed = Bed::new(&client).await;
        for order in ["a", "b", "c", "d"] {
            bed.publish(order).await;
        }
        let worker = bed.worker().await;
        let batch = worker.batch(2, Duration::from_secs(10)).await.unwrap();
        batch[0].double_ack_with(AckKind::Nak(None)).await.unwrap();
        // That one again, and one more.
        assert_eq!(worker.batch(2, Duration::from_secs(10)).await.unwrap().len(), 2);
        bed.remove().await;
        worker
    };
    let worker = block_on(work.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).complete);
    drop(worker);
    let metrics = collector.received().metrics;
    let labels = [("messaging.nats.consumer", "worker")];
    assert_eq!(total(&metrics, "nats.consumer.pending", &labels), 1);
    assert_eq!(total(&metrics, "nats.consumer.redeliveries", &labels), 1);
}

#[test]
fn keeps_the_context_when_the_time_to_acknowledge_runs_out() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let consumer = bed.durable(pull::Config { ack_wait: SOON, ..worker() }).await;
        let mut messages = consumer.messages().await.unwrap();
        next(&mut messages).await.unwrap().process(async |_| {}).await;
        let second = next(&mut messages).await.unwrap();
        second.process(async |order| order.ack().await).await.unwrap();
        bed.remove().await;
    });
    expect_attempts(&collector, &["1", "2"]);
}

#[test]
fn a_terminated_message_comes_no_more() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let consumer = bed.durable(pull::Config { ack_wait: SOON, ..worker() }).await;
        let mut messages = consumer.messages().await.unwrap();
        let message = next(&mut messages).await.unwrap();
        message
            .process(async |order| {
                order.in_progress().await?;
                order.term().await
            })
            .await
            .unwrap();
        let more = consumer.batch(1, SOON * 3).await.unwrap();
        assert!(more.is_empty());
        bed.remove().await;
    });
    let [process] = expect_attempts(&collector, &["1"]).try_into().unwrap();
    for verb in ["in_progress", "term"] {
        assert!(is_child(&one(&collector, &format!(".placed {verb}")), &process));
    }
    assert!(all(&collector, " receive").is_empty(), "a receive without messages makes no span");
}

#[test]
fn another_consumer_replays_a_stream_in_the_traces_of_its_publishers() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let worker = bed.worker().await;
        let mut messages = worker.messages().await.unwrap();
        let message = next(&mut messages).await.unwrap();
        message.process(async |order| order.ack().await).await.unwrap();
        let auditor = pull::Config { durable_name: Some("auditor".to_owned()), ..pull::Config::default() };
        let auditor = bed.durable(auditor).await;
        let stream = auditor.stream().max_messages_per_batch(1).messages().await.unwrap();
        let mut messages = auditor.trace(stream);
        let message = next(&mut messages).await.unwrap();
        message.process(async |order| order.ack().await).await.unwrap();
        bed.remove().await;
    });
    let [worked, audited] = expect_attempts(&collector, &["1", "1"]).try_into().unwrap();
    expect_attributes(&worked, &[("messaging.consumer.name", "worker")]);
    expect_attributes(&audited, &[("messaging.consumer.name", "auditor")]);
}

#[test]
fn a_batch_is_received_and_handled_with_a_link_to_each_message() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let orders = async {
            for order in ["a", "b", "c"] {
                bed.publish(order).await;
            }
            // Of somebody who does not trace.
            client.inner().publish(bed.subject("d"), "".into()).await.unwrap();
            client.flush().await.unwrap();
        };
        orders.await;
        let worker = bed.worker().await;
        let batch = worker.batch(4, Duration::from_secs(10)).await.unwrap();
        let poll = batch.process(async |orders| {
            assert_eq!(orders.len(), 4);
            for order in &orders {
                order.ack().await?;
            }
            Ok::<_, async_nats::Error>(())
        });
        poll.instrument(tracing::info_span!("poll")).await.unwrap();
        bed.remove().await;
    });
    let receive = one(&collector, " receive");
    let process = collector.span(&receive.name.replace(" receive", " process"));
    assert_eq!([receive.kind, process.kind], [CLIENT, CONSUMER]);
    assert!(is_child(&process, &collector.span("poll")));
    for span in [&receive, &process] {
        expect_attributes(
            span,
            &[("messaging.batch.message_count", "4"), ("messaging.consumer.name", "worker")],
        );
        assert_eq!(span.links.len(), 3, "{:?}", span.links);
        for (order, sequence) in [("a", "1"), ("b", "2"), ("c", "3")] {
            let publish = one(&collector, &format!(".{order} publish"));
            let link = span.links.iter().find(|link| link.span_id == publish.span_id).unwrap();
            let value = |key| attribute(&link.attributes, key);
            assert_eq!(value("messaging.nats.stream_sequence").as_deref(), Some(sequence));
            assert!(value("messaging.destination.name").unwrap().ends_with(&format!(".{order}")));
        }
    }
    assert!(all(&collector, " ack").iter().all(|ack| is_child(ack, &process)));
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.consumer.group.name", "worker")];
    assert_eq!(total(&metrics, "messaging.client.consumed.messages", &labels), 4);
    assert_eq!(total(&metrics, "messaging.process.duration", &labels), 1);
}

#[test]
fn a_large_batch_has_a_link_to_each_of_its_messages() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        for _ in 0..200 {
            bed.publish("placed").await;
        }
        let batch = bed.worker().await.batch(200, Duration::from_secs(10)).await.unwrap();
        batch.process(async |orders| assert_eq!(orders.len(), 200)).await;
        bed.remove().await;
    });
    let mut published: Vec<_> = all(&collector, ".placed publish").into_iter().map(|s| s.span_id).collect();
    published.sort();
    for operation in [" receive", " process"] {
        let span = one(&collector, operation);
        let mut linked: Vec<_> = span.links.iter().map(|link| link.span_id.clone()).collect();
        linked.sort();
        assert!(linked == published && span.dropped_links_count == 0, "{} links", linked.len());
    }
}

#[test]
fn messages_of_a_batch_can_be_handled_one_by_one() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let worker = bed.worker().await;
        assert!(worker.fetch(5).await.unwrap().is_empty());
        for order in ["a", "b"] {
            bed.publish(order).await;
        }
        for message in worker.fetch(5).await.unwrap() {
            message.process(async |order| order.ack().await).await.unwrap();
        }
        bed.remove().await;
    });
    for order in ["a", "b"] {
        let process = one(&collector, &format!(".{order} process"));
        assert!(is_child(&process, &one(&collector, &format!(".{order} publish"))));
    }
    assert_eq!(all(&collector, " receive").len(), 1);
    let metrics = collector.received().metrics.clone();
    let labels = [("messaging.consumer.group.name", "worker")];
    assert_eq!(total(&metrics, "messaging.client.consumed.messages", &labels), 2);
}

#[test]
fn receiving_from_a_consumer_that_is_gone_is_an_error() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        let worker = bed.worker().await;
        let stream = bed.jetstream.get_stream(&bed.name).await.unwrap();
        stream.delete_consumer("worker").await.unwrap();
        assert!(worker.batch(1, Duration::from_secs(10)).await.is_err());
        bed.remove().await;
    });
    let receive = one(&collector, " receive");
    assert_eq!(receive.status.unwrap().code, 2);
    assert!(receive.end_time_unix_nano > receive.start_time_unix_nano);
}

#[test]
fn a_message_settled_outside_its_handler_stays_in_its_trace() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let worker = bed.worker().await;
        let message = next(&mut worker.messages().await.unwrap()).await.unwrap();
        message.ack().await.unwrap();
        bed.remove().await;
    });
    assert!(is_child(&one(&collector, ".placed ack"), &one(&collector, ".placed publish")));
}

#[test]
fn what_an_ordered_consumer_reads_is_traced_too() {
    let collector = run(async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let stream = bed.jetstream.get_stream(&bed.name).await.unwrap();
        let ordered = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
        let ordered = bed.jetstream.consumer(ordered);
        let mut messages = ordered.trace(ordered.inner().clone().messages().await.unwrap());
        next(&mut messages).await.unwrap().process(async |_| {}).await;
        drop(messages);
        bed.remove().await;
    });
    let process = one(&collector, ".placed process");
    assert!(is_child(&process, &one(&collector, ".placed publish")));
    assert_eq!(attribute(&process.attributes, "messaging.consumer.group.name"), None);
}

#[test]
fn an_unsampled_message_is_stored_and_settled_without_spans() {
    let collector = run_with(&[("OTEL_TRACES_SAMPLER", "always_off")], async |client| {
        let bed = Bed::new(&client).await;
        bed.publish("placed").await;
        let worker = bed.worker().await;
        let message = next(&mut worker.messages().await.unwrap()).await.unwrap();
        assert!(message.context().is_valid() && !message.context().is_sampled());
        message.process(async |order| order.double_ack().await).await.unwrap();
        assert_eq!(worker.get_info().await.unwrap().num_ack_pending, 0);
        bed.remove().await;
    });
    assert!(collector.spans().is_empty());
}
