//! Log records.

use throughline_model::{LogRecord, Tenant, Value};
use throughline_query::{ErrorKind, LogSearch, TimeRange};

use crate::stores::{ALL, TestStore, resource, span_id, trace_id};

fn record(service: &str, time_ns: i64, severity: i32, body: &str) -> LogRecord {
    LogRecord {
        time_ns,
        severity_number: severity,
        body: Some(Value::from(body)),
        resource: resource(service, Vec::new()),
        ..LogRecord::default()
    }
}

async fn bodies(store: &TestStore, change: impl Fn(&mut LogSearch)) -> Vec<String> {
    let mut request = LogSearch::new(Tenant::default(), ALL, 100);
    change(&mut request);
    let found = store.engine().logs(request).await.unwrap();
    assert!(found.complete);
    found.records.into_iter().map(|record| record.body.unwrap().display()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn records_are_found_by_each_condition_newest_first() {
    let store = TestStore::open().await;
    let mut traced = record("api", 30, 17, "timeout calling db");
    traced.trace_id = Some(trace_id(7));
    traced.span_id = Some(span_id(3));
    store.logs(&[record("api", 10, 9, "started"), record("db", 20, 13, "slow query: timeout")]).await;
    store.store.flush().await.unwrap();
    store.logs(&[traced, record("db", 40, 9, "stopped")]).await;

    assert_eq!(
        bodies(&store, |_| ()).await,
        ["stopped", "timeout calling db", "slow query: timeout", "started"]
    );
    assert_eq!(bodies(&store, |r| r.limit = 1).await, ["stopped"]);
    assert_eq!(bodies(&store, |r| r.service = Some("api".into())).await, ["timeout calling db", "started"]);
    assert_eq!(
        bodies(&store, |r| r.severity_min = Some(13)).await,
        ["timeout calling db", "slow query: timeout"]
    );
    assert_eq!(bodies(&store, |r| r.contains = Some("timeout".into())).await.len(), 2);
    assert_eq!(bodies(&store, |r| r.contains = Some("Timeout".into())).await.len(), 0);
    assert_eq!(bodies(&store, |r| r.trace_id = Some(trace_id(7))).await, ["timeout calling db"]);
    assert_eq!(bodies(&store, |r| r.span_id = Some(span_id(4))).await.len(), 0);
    assert_eq!(
        bodies(&store, |r| r.time = TimeRange::new(20, 40)).await,
        ["timeout calling db", "slow query: timeout"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_limit_of_zero_is_refused() {
    let store = TestStore::open().await;
    let error = store.engine().logs(LogSearch::new(Tenant::default(), ALL, 0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
