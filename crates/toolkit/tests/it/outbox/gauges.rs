//! What is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use throughline_toolkit::outbox::{Event, PublishError};
use tracing::instrument::WithSubscriber;

use super::{HandClock, Recorder, TOPIC, event, eventually, postgres, relay, run, sqlite, stage, within};
use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, telemetry};

/// The value last exported for the destination, and `error.type` where it has one.
fn value(collector: &Collector, name: &str, destination: &str) -> Option<(f64, Option<String>)> {
    let received = collector.received();
    let metric = received.metrics.iter().rev().find(|metric| metric.name == name)?;
    let points = match metric.data.as_ref()? {
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Sum(sum) => &sum.data_points,
        other => panic!("{name}: {other:?}"),
    };
    let point = points.iter().find(|point| {
        attribute(&point.attributes, "messaging.destination.name").as_deref() == Some(destination)
    })?;
    let value = match point.value? {
        Value::AsInt(value) => value as f64,
        Value::AsDouble(value) => value,
    };
    Some((value, attribute(&point.attributes, "error.type")))
}

fn number(collector: &Collector, name: &str, destination: &str) -> Option<f64> {
    value(collector, name, destination).map(|(value, _)| value)
}

#[test]
fn gauges_go_on_while_the_broker_is_away() {
    let away = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&away);
    let recorder = Recorder::refusing(move |message| match message.event_type.as_str() {
        "Bad" => Some(PublishError::permanent("never").error_type("TooLarge")),
        _ => told.load(Ordering::Relaxed).then(|| PublishError::unavailable("refused")),
    });
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[("OTEL_METRIC_EXPORT_INTERVAL", "20")]);
    within(&telemetry, async {
        let (pool, clock) = (sqlite().await, HandClock::start());
        stage(&pool, event("Bad", "z")).await;
        for aggregate in ["a", "b", "c"] {
            stage(&pool, event("EntryPosted", aggregate)).await;
        }
        let short = Duration::from_millis(5);
        let relay = relay(&pool, &recorder).clock(clock.read()).poll_every(short).measure_every(short);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(relay.run(async { drop(stopped.await) }).with_current_subscriber());
        clock.advance(Duration::from_secs(90));
        let full = || async {
            number(&collector, "outbox.pending", TOPIC) == Some(3.0)
                && number(&collector, "outbox.dead", TOPIC) == Some(1.0)
                && number(&collector, "outbox.oldest_age", TOPIC).is_some_and(|age| age > 89.0)
        };
        eventually("three wait, one is dead", full).await;
        away.store(false, Ordering::Relaxed);
        let empty = || async {
            clock.advance(Duration::from_secs(60));
            number(&collector, "outbox.pending", TOPIC) == Some(0.0)
                && number(&collector, "outbox.oldest_age", TOPIC) == Some(0.0)
                && number(&collector, "outbox.messages.sent", TOPIC) == Some(3.0)
        };
        eventually("nothing waits", empty).await;
        assert_eq!(number(&collector, "outbox.dead", TOPIC), Some(1.0));
        // While the database is away, what it held grows older.
        away.store(true, Ordering::Relaxed);
        stage(&pool, event("EntryPosted", "d")).await;
        eventually("one waits", || async { number(&collector, "outbox.pending", TOPIC) == Some(1.0) }).await;
        sqlx::query("ALTER TABLE outbox RENAME TO away").execute(&pool).await.unwrap();
        clock.advance(Duration::from_secs(500));
        let older = || async {
            number(&collector, "outbox.pending", TOPIC) == Some(1.0)
                && number(&collector, "outbox.oldest_age", TOPIC).is_some_and(|age| age > 499.0)
        };
        eventually("an older message", older).await;
        drop(stop);
        running.await.unwrap().unwrap();
    });
    assert!(telemetry.shutdown_blocking(LIMIT).complete);
}

#[test]
fn messages_are_counted_and_their_way_is_timed() {
    let recorder = Recorder::refusing(|message| match message.event_type.as_str() {
        "Bad" => Some(PublishError::permanent("never").error_type("TooLarge")),
        "Slow" => Some(PublishError::transient("not now").error_type("NotLeader")),
        _ => None,
    });
    let collector = run(&[], async move {
        let pool = postgres().await;
        stage(&pool, event("EntryPosted", "a")).await;
        stage(&pool, event("EntryPosted", "b")).await;
        stage(&pool, event("Bad", "c")).await;
        stage(&pool, Event::new("Slow", "d", "other", "")).await;
        relay(&pool, &recorder).once().await.unwrap();
    });
    assert_eq!(value(&collector, "outbox.messages.sent", TOPIC), Some((2.0, None)));
    assert_eq!(value(&collector, "outbox.messages.failed", TOPIC), Some((1.0, Some("TooLarge".to_owned()))));
    assert_eq!(
        value(&collector, "outbox.messages.failed", "other"),
        Some((1.0, Some("NotLeader".to_owned())))
    );
    assert_eq!(value(&collector, "outbox.messages.dead", TOPIC), Some((1.0, Some("TooLarge".to_owned()))));
    assert_eq!(value(&collector, "outbox.messages.dead", "other"), None);
    let received = collector.received();
    let latency = received.metrics.iter().find(|m| m.name == "outbox_relay_latency_seconds").unwrap();
    assert_eq!(latency.unit, "s");
    let Some(Data::Histogram(data)) = &latency.data else { panic!("{latency:?}") };
    let [point] = &data.data_points[..] else { panic!("{data:?}") };
    assert_eq!((point.count, point.explicit_bounds.len()), (2, 11));
    let spans = &received.spans;
    let exemplar = point.exemplars.first().expect("an exemplar");
    let shown = spans.iter().find(|span| span.span_id == exemplar.span_id).unwrap();
    assert_eq!(shown.name, "publishEvent");
}
