//! What the client tells besides messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, TopicPartitionList};
use throughline_toolkit::kafka::rdkafka::{Context, Observer, TracedConsumer, TracedProducer};
use throughline_toolkit::testing::Sink;

use super::{Place, run};
use crate::LIMIT;
use crate::collector::nobody;

#[test]
fn rebalances_are_counted_and_logged() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("rebalance").await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let consumer = place.consumer();
        consumer.recv().await.unwrap();
        drop(consumer);
        place.topic
    });
    let group = ("messaging.consumer.group.name", topic.as_str());
    let rebalances = sink.metric("messaging.kafka.consumer.rebalances");
    assert_eq!(rebalances.point([group, ("messaging.kafka.rebalance.event", "assign")]).sum(), 1.0);
    sink.log("Kafka partitions assigned")
        .is_at("INFO")
        .has("partitions", format!("{topic}/0"))
        .has("messaging.consumer.group.name", topic);
}

#[test]
fn a_fault_is_counted_each_time_and_logged_once() {
    let sink = Sink::start().waiting_at_most(LIMIT);
    let telemetry = sink.telemetry("ledger");
    let nobody = nobody().replace("http://", "");
    let observer = run(&telemetry, async {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &nobody).set("client.id", "lonely").set("message.timeout.ms", "1000");
        let producer: TracedProducer = config.create().unwrap();
        let place = Place { broker: nobody, topic: "lonely.topic".to_owned() };
        producer.send(place.record("42"), LIMIT).await.unwrap_err();
        Observer::new(&config)
    });
    let down = KafkaError::Global(rdkafka::error::RDKafkaErrorCode::AllBrokersDown);
    let lonely = ("messaging.client.id", "lonely");
    let counted = |metric: &throughline_toolkit::testing::Metric| {
        metric.point([lonely, ("error.type", "all_brokers_down")]).sum()
    };
    let before = counted(&sink.metric("messaging.kafka.client.errors"));
    for _ in 0..3 {
        // From a thread that knows of no telemetry, as the client calls from its own.
        observer.error(&down, "3/3 brokers are down");
    }
    let after = sink.metric_where("messaging.kafka.client.errors", |metric| counted(metric) > before);
    assert_eq!(counted(&after), before + 3.0);
    sink.log("3/3 brokers are down")
        .is_at("WARN")
        .has("error.type", "all_brokers_down")
        .has("messaging.client.id", "lonely");
}

/// A context with hooks of its own.
struct Mine {
    observer: Observer,
    rebalances: Arc<AtomicUsize>,
}

impl ClientContext for Mine {
    fn stats_raw(&self, json: &[u8]) {
        self.observer.statistics(json);
    }
}

impl ConsumerContext for Mine {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
        self.observer.rebalance(rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.observer.committed(&result, offsets);
    }
}

#[test]
fn contexts_with_hooks_of_their_own_feed_an_observer() {
    let sink = Sink::start().waiting_at_most(LIMIT);
    let telemetry = sink.telemetry("read-model");
    run(&telemetry, async {
        let place = Place::new("own-context").await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let config = place.consumer_config();
        let (observer, rebalances) = (Observer::new(&config), Arc::<AtomicUsize>::default());
        let mine = Mine { observer: observer.clone(), rebalances: Arc::clone(&rebalances) };
        let consumer: StreamConsumer<Mine> = config.create_with_context(mine).unwrap();
        consumer.subscribe(&[&place.topic]).unwrap();
        let consumer = TracedConsumer::new(consumer).observed_by(observer);
        let message = consumer.recv().await.unwrap();
        assert_eq!(rebalances.load(Ordering::Relaxed), 1);
        consumer.commit(&message, CommitMode::Sync).unwrap();
        drop(message);
        tokio::select! {
            more = consumer.recv() => panic!("{more:?}"),
            () = sink.until(|_| sink.metrics().iter().any(|metric| metric.name() == "consumer_lag"), LIMIT) => {}
        }
    });
}

/// A context of any client.
struct Counting(Arc<AtomicUsize>);

impl ClientContext for Counting {
    fn stats_raw(&self, _: &[u8]) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn contexts_of_any_client_are_handed_what_they_ask_for() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("read-model");
    let counted = Arc::<AtomicUsize>::default();
    run(&telemetry, async {
        let place = Place::new("counting").await;
        place.producer().send(place.record("42"), LIMIT).await.unwrap();
        let counting = Counting(Arc::clone(&counted));
        let consumer: TracedConsumer<Context<Counting>> =
            place.consumer_config().create_with_context(counting).unwrap();
        consumer.subscribe(&[&place.topic]).unwrap();
        consumer.recv().await.unwrap();
        while counted.load(Ordering::Relaxed) == 0 {
            let more = tokio::time::timeout(std::time::Duration::from_millis(20), consumer.recv()).await;
            assert!(more.is_err());
        }
    });
}
