//! Kafka: what is produced, consumed and committed, against a Kafka broker.

mod batch;
mod clients;
mod faults;
mod lag;
mod observer;
mod received;
mod round_trip;

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use rdkafka::{ClientConfig, Message};
use throughline_toolkit::Telemetry;
use throughline_toolkit::kafka::rdkafka::{TracedConsumer, TracedProducer};
use throughline_toolkit::testing::Sink;
use tracing::instrument::WithSubscriber;

use crate::{LIMIT, services};

/// A topic of a test's own on a broker, for clients of this test.
struct Place {
    broker: String,
    topic: String,
}

impl Place {
    /// On the shared broker. Clients tell tests apart by the topic's name, which is also that of
    /// the consumer group.
    async fn new(name: &str) -> Self {
        Self::on(services::kafka(), name, &[]).await
    }

    async fn on(broker: String, name: &str, settings: &[(&str, &str)]) -> Self {
        let unique = rand::random::<u32>();
        let place = Self { broker, topic: format!("toolkit.{name}.{unique:08x}") };
        place.create(1, settings).await;
        place
    }

    async fn create(&self, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(&self.topic, partitions, TopicReplication::Fixed(1));
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        let created = admin.create_topics([&topic], &options).await.unwrap();
        assert_eq!(created, [Ok(self.topic.clone())]);
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in [
            ("bootstrap.servers", self.broker.as_str()),
            ("client.id", "under-test"),
            ("message.timeout.ms", "15000"),
            ("reconnect.backoff.max.ms", "500"),
        ] {
            config.set(key, value);
        }
        config
    }

    fn consumer_config(&self) -> ClientConfig {
        let mut config = self.config();
        config.remove("message.timeout.ms");
        for (key, value) in [
            ("group.id", self.topic.as_str()),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("session.timeout.ms", "6000"),
            ("statistics.interval.ms", "100"),
        ] {
            config.set(key, value);
        }
        config
    }

    fn port(&self) -> i64 {
        self.broker.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    fn producer(&self) -> TracedProducer {
        self.config().create().unwrap()
    }

    fn consumer(&self) -> TracedConsumer {
        let consumer: TracedConsumer = self.consumer_config().create().unwrap();
        consumer.subscribe(&[&self.topic]).unwrap();
        consumer
    }

    /// A record with the payload `booked` and this key.
    fn record<'a>(&'a self, key: &'a str) -> FutureRecord<'a, str, str> {
        FutureRecord::to(&self.topic).key(key).payload("booked")
    }

    /// Produces with a client that is not traced.
    async fn produce_plain(&self, key: &str, headers: OwnedHeaders) {
        let producer: rdkafka::producer::FutureProducer = self.config().create().unwrap();
        producer.send(self.record(key).headers(headers), LIMIT).await.unwrap();
    }
}

/// Runs the work of a service, at most for a minute.
fn run<R>(telemetry: &Telemetry, work: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = work.with_subscriber(telemetry.dispatch().clone());
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await }).unwrap()
}

/// Names and values of headers.
type List<'a> = &'a [(&'a str, Option<&'a [u8]>)];

fn headers(list: List<'_>) -> OwnedHeaders {
    list.iter().fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: *value }))
}

fn key(message: &impl Message) -> String {
    String::from_utf8(message.key().unwrap().to_vec()).unwrap()
}

/// The traces of the spans of this name, in the order of their start.
fn spans_named(sink: &Sink, name: &str, count: usize) -> Vec<throughline_toolkit::testing::Span> {
    sink.wait_for(|spans| spans.iter().filter(|span| span.name() == name).count() >= count, LIMIT);
    let mut spans = sink.spans();
    spans.retain(|span| span.name() == name);
    assert_eq!(spans.len(), count, "spans named {name}");
    spans.sort_by_key(|span| span.otlp().start_time_unix_nano);
    spans
}
