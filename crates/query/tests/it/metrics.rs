//! The list of metrics.

use throughline_model::{MetricPoint, Number, PointData, Tenant, Value};
use throughline_query::MetricKind;

use crate::stores::{ALL, TestStore, resource};

fn point(name: &str, service: &str, room: &str, time_ns: i64) -> MetricPoint {
    MetricPoint {
        name: name.to_owned(),
        unit: "s".to_owned(),
        description: format!("at {time_ns}"),
        attributes: vec![("room".to_owned(), Value::from(room))],
        time_ns,
        data: PointData::Sum(Some(Number::Int(1))),
        resource: resource(service, Vec::new()),
        ..MetricPoint::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn metrics_are_listed_with_series_points_and_services() {
    let store = TestStore::open().await;
    store.points(&[point("joins", "rooms", "a", 10), point("joins", "rooms", "a", 20)]).await;
    store.store.flush().await.unwrap();
    store.points(&[point("joins", "gateway", "a", 30), point("joins", "rooms", "b", 25)]).await;
    let mut gauge = point("depth", "rooms", "a", 5);
    gauge.data = PointData::Gauge(Some(Number::Double(0.5)));
    store.points(&[gauge]).await;

    let answer = store.engine().metrics(&Tenant::default(), ALL).await.unwrap();
    assert!(answer.complete);
    let [depth, joins] = answer.metrics.as_slice() else { panic!("{answer:?}") };
    assert_eq!((depth.name.as_str(), depth.kind, depth.series), ("depth", MetricKind::Gauge, 1));
    assert_eq!((joins.series, joins.points, joins.last_ns), (3, 4, 30));
    assert_eq!((joins.kind.name(), joins.unit.as_str()), ("sum", "s"));
    assert_eq!(joins.description, "at 30");
    assert_eq!(joins.services, ["gateway", "rooms"]);
}
