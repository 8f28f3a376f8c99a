//! To a real Kafka.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Headers, Message};
use throughline_toolkit::outbox::{Event, KafkaPublisher, Outbox, Relay, UnknownDestination};
use throughline_toolkit::propagation;
use tracing::Instrument;

use super::{postgres, run, sqlite, stage};
use crate::collector::{attribute, nobody};
use crate::{LIMIT, services};

fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", services::kafka());
    config
}

async fn topic(partitions: i32) -> String {
    let name = format!("outbox.{}", uuid::Uuid::now_v7());
    create_topic(&config(), &name, partitions).await;
    name
}

pub(super) async fn create_topic(config: &ClientConfig, name: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
    let new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let created = admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
    created[0].as_ref().unwrap();
}

/// Key, payload and headers of a record.
type Record = (Vec<u8>, Vec<u8>, HashMap<String, String>);

async fn consume(topic: &str, count: usize) -> Vec<Record> {
    let mut config = config();
    config.set("group.id", topic).set("auto.offset.reset", "earliest");
    let consumer: StreamConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let mut records = Vec::new();
    while records.len() < count {
        let message = tokio::time::timeout(LIMIT, consumer.recv()).await.expect("a record").unwrap();
        let headers = message.headers().unwrap().iter().map(|header| {
            (header.key.to_owned(), String::from_utf8(header.value.unwrap().to_vec()).unwrap())
        });
        let payload = message.payload().unwrap().to_vec();
        records.push((message.key().unwrap().to_vec(), payload, headers.collect()));
    }
    records
}

#[test]
fn a_record_has_the_key_the_headers_and_the_trace_of_its_row() {
    let collector = run(&[], async {
        let (pool, topic) = (postgres().await, topic(1).await);
        let request = tracing::info_span!("request");
        let event = Event::new("EntryPosted", 7, &topic, "{}").key("account-7").header("tenant", "acme");
        let id = stage(&pool, event).instrument(request).await;
        let parent: String =
            sqlx::query_scalar("SELECT traceparent FROM outbox").fetch_one(&pool).await.unwrap();
        let publisher = KafkaPublisher::from_config(&config()).unwrap();
        assert_eq!(Relay::new(pool, publisher).once().await.unwrap().sent, 1);
        let records = consume(&topic, 1).await;
        let (key, payload, headers) = &records[0];
        assert_eq!((key.as_slice(), payload.as_slice()), (&b"account-7"[..], &b"{}"[..]));
        for (name, value) in [
            ("message-id", id.as_str()),
            ("event-type", "EntryPosted"),
            ("aggregate-id", "7"),
            ("tenant", "acme"),
            ("traceparent", &parent),
        ] {
            assert_eq!(headers.get(name).map(String::as_str), Some(value), "{name}");
        }
        drop(propagation::extract(headers).in_scope(|| tracing::info_span!("process")));
    });
    let spans = collector.spans();
    let create = spans.iter().find(|span| span.name.starts_with("create outbox.")).unwrap();
    assert_eq!(create.parent_span_id, collector.span("request").span_id);
    assert_eq!(collector.span("process").parent_span_id, create.span_id);
    let publish = collector.span("publishEvent");
    assert_eq!(publish.links[0].span_id, create.span_id);
    let topic = create.name.trim_start_matches("create ");
    for (key, value) in
        [("kafka.topic", topic), ("messaging.destination.partition.id", "0"), ("messaging.kafka.offset", "0")]
    {
        assert_eq!(attribute(&publish.attributes, key).as_deref(), Some(value), "{key}");
    }
    let sends = spans.iter().filter(|span| span.kind == 4 || span.name.starts_with("send"));
    assert_eq!(sends.count(), 1, "no second span of the sending");
}

#[tokio::test]
async fn records_of_a_key_stay_in_order_over_partitions() {
    let (pool, topic) = (sqlite().await, topic(4).await);
    for n in 0..60 {
        let key = format!("account-{}", n % 5);
        stage(&pool, Event::new("EntryPosted", &key, &topic, format!("{n:03}"))).await;
    }
    let publisher = KafkaPublisher::from_config(&config()).unwrap();
    assert_eq!(Relay::new(pool, publisher).once().await.unwrap().sent, 60);
    let mut last: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
    for (key, payload, _) in consume(&topic, 60).await {
        let before = last.insert(key, payload.clone());
        assert!(before.is_none_or(|before| before < payload));
    }
}

#[tokio::test]
async fn what_kafka_will_never_take_is_put_aside_at_once() {
    let (pool, topic) = (sqlite().await, topic(1).await);
    stage(&pool, Event::new("TooLarge", "a", &topic, vec![0; 3_000])).await;
    stage(&pool, Event::new("NoTopic", "b", "not/a topic", "")).await;
    stage(&pool, Event::new("Fine", "a", &topic, "")).await;
    let publisher = KafkaPublisher::from_config(config().set("message.max.bytes", "2000")).unwrap();
    let passed = Relay::new(pool.clone(), publisher).once().await.unwrap();
    assert_eq!((passed.sent, passed.failed, passed.dead), (1, 0, 2));
    let mut connection = pool.acquire().await.unwrap();
    let dead = Outbox::dead(&mut *connection, 10).await.unwrap();
    assert!(dead[0].last_error.contains("MessageSizeTooLarge"), "{}", dead[0].last_error);
    assert!(dead[1].last_error.contains("InvalidTopic"), "{}", dead[1].last_error);
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_waited_for_or_given_up_as_told() {
    let pool = sqlite().await;
    let topic = format!("outbox.{}", uuid::Uuid::now_v7());
    stage(&pool, Event::new("EntryPosted", "a", &topic, "")).await;
    let mut config = config();
    config.set("topic.metadata.propagation.max.ms", "200").set("allow.auto.create.topics", "false");
    config.set("topic.metadata.refresh.fast.interval.ms", "50");
    let wait = KafkaPublisher::from_config(&config).unwrap();
    let passed = Relay::new(pool.clone(), wait).once().await.unwrap();
    assert_eq!((passed.failed, passed.dead), (1, 0));
    let give_up = KafkaPublisher::from_config(&config).unwrap().unknown_topic(UnknownDestination::SetAside);
    let passed = Relay::new(pool.clone(), give_up).once().await.unwrap();
    assert_eq!((passed.failed, passed.dead), (0, 1));
}

#[tokio::test]
async fn a_kafka_that_is_not_there_costs_nothing() {
    let pool = sqlite().await;
    stage(&pool, Event::new("EntryPosted", "a", "any", "")).await;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", nobody().trim_start_matches("http://"));
    config.set_log_level(rdkafka::config::RDKafkaLogLevel::Emerg);
    let publisher = KafkaPublisher::from_config(&config).unwrap();
    let mut relay = Relay::new(pool, publisher).send_timeout(Duration::from_millis(50)).attempts_max(1);
    let passed = relay.once().await.unwrap();
    assert_eq!((passed.failed, passed.dead), (1, 0));
}
