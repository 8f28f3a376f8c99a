//! How far a consumer is behind.

use std::sync::Arc;

use rdkafka::consumer::CommitMode;
use throughline_toolkit::kafka::rdkafka::TracedConsumer;
use throughline_toolkit::testing::{Metric, Sink};

use super::{Place, run};
use crate::LIMIT;

fn lag(metric: &Metric, topic: &str) -> Vec<f64> {
    let points = metric.points();
    let of_topic = points.iter().filter(|p| {
        p.attribute("messaging.destination.name").and_then(|v| v.as_str().map(str::to_owned)).as_deref()
            == Some(topic)
    });
    of_topic.map(|point| point.value()).collect()
}

/// Lets the client work until the lag is this, which is reported in turn.
async fn until(sink: &Arc<Sink>, name: &'static str, topic: &str, is: impl Fn(f64) -> bool + Send + 'static) {
    let (sink, topic) = (Arc::clone(sink), topic.to_owned());
    let look = move || {
        drop(sink.metric_where(name, |metric| matches!(lag(metric, &topic)[..], [lag] if is(lag))));
    };
    tokio::task::spawn_blocking(look).await.unwrap();
}

/// Waits while the client is polled, for it learns the end of partitions and the answers to commits
/// when it is.
async fn behind(consumer: &TracedConsumer, reported: impl Future<Output = ()>) {
    tokio::select! {
        more = consumer.recv() => panic!("{more:?}"),
        () = reported => {}
    }
}

#[test]
fn lag_goes_up_with_what_is_produced_and_down_to_nothing_with_what_is_committed() {
    let sink = Arc::new(Sink::start().waiting_at_most(LIMIT));
    let telemetry = sink.telemetry("read-model");
    let topic = run(&telemetry, async {
        let place = Place::new("lag").await;
        let (producer, consumer) = (place.producer(), place.consumer());
        for _ in 0..5 {
            producer.send(place.record("42"), LIMIT).await.unwrap();
        }
        let mut messages = consumer.recv_batch(5, LIMIT).await.unwrap().into_iter();
        consumer.commit(&messages.next().unwrap(), CommitMode::Sync).unwrap();
        behind(&consumer, until(&sink, "consumer_lag", &place.topic, |lag| lag == 4.0)).await;
        behind(&consumer, until(&sink, "consumer_lag_seconds", &place.topic, |lag| lag > 0.0)).await;
        consumer.commit(&messages.next_back().unwrap(), CommitMode::Sync).unwrap();
        behind(&consumer, until(&sink, "consumer_lag", &place.topic, |lag| lag == 0.0)).await;
        behind(&consumer, until(&sink, "consumer_lag_seconds", &place.topic, |lag| lag == 0.0)).await;
        for _ in 0..3 {
            producer.send(place.record("42"), LIMIT).await.unwrap();
        }
        let batch = consumer.recv_batch(3, LIMIT).await.unwrap();
        behind(&consumer, until(&sink, "consumer_lag", &place.topic, |lag| lag == 3.0)).await;
        consumer.commit_batch(&batch, CommitMode::Async).unwrap();
        behind(&consumer, until(&sink, "consumer_lag", &place.topic, |lag| lag == 0.0)).await;
        #[cfg(feature = "prometheus")]
        for series in ["consumer_lag", "consumer_lag_seconds"] {
            let shown = telemetry.prometheus().render(None).1;
            let line = format!("messaging_destination_name=\"{}\"", place.topic);
            let shown = shown.lines().find(|l| l.starts_with(&format!("{series}{{")) && l.contains(&line));
            assert!(shown.is_some_and(|line| line.ends_with(" 0")), "{series}: {shown:?}");
        }
        place.topic
    });
    let lag = sink.metric("consumer_lag");
    assert_eq!((lag.unit(), sink.metric("consumer_lag_seconds").unit()), ("{message}", "s"));
    let point = lag.point([("messaging.destination.name", topic.as_str())]);
    for (key, value) in [
        ("messaging.system", "kafka"),
        ("messaging.destination.partition.id", "0"),
        ("messaging.consumer.group.name", topic.as_str()),
    ] {
        assert_eq!(point.attribute(key).and_then(|v| v.as_str().map(str::to_owned)).as_deref(), Some(value));
    }
}

#[test]
fn a_consumer_that_is_gone_has_no_lag() {
    let sink = Arc::new(Sink::start().waiting_at_most(LIMIT));
    let telemetry = sink.telemetry("read-model");
    run(&telemetry, async {
        let (gone, stays) = (Place::new("lag-gone").await, Place::new("lag-stays").await);
        let (going, staying) = (gone.consumer(), stays.consumer());
        for (place, consumer) in [(&gone, &going), (&stays, &staying)] {
            place.producer().send(place.record("42"), LIMIT).await.unwrap();
            let message = consumer.recv().await.unwrap();
            consumer.commit(&message, CommitMode::Sync).unwrap();
            behind(consumer, until(&sink, "consumer_lag", &place.topic, |_| true)).await;
        }
        drop(going);
        let (sink, gone, stays) = (Arc::clone(&sink), gone.topic, stays.topic);
        // The metric as its latest export has it, not as the sink remembers it.
        let latest = move || {
            let metric = sink.metric_where("consumer_lag", |_| {
                let all = sink.metrics();
                let last = all.iter().rev().find(|metric| metric.name() == "consumer_lag").unwrap();
                lag(last, &gone).is_empty() && !lag(last, &stays).is_empty()
            });
            drop(metric);
        };
        tokio::task::spawn_blocking(latest).await.unwrap();
    });
}
