//! SQL queries.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use throughline_toolkit::db::{Query, System};
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, telemetry};

#[derive(Debug, thiserror::Error)]
#[error("no such table: users")]
struct NoTable;

fn run<F: Future<Output = ()>>(work: F) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    futures::executor::block_on(work.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).is_lossless());
    collector
}

#[test]
fn describes_the_query_without_its_literals() {
    let collector = run(async {
        let sql = "SELECT id, name FROM users WHERE name = 'alice' AND age > 30";
        let query = Query::new(System::Postgresql, sql).namespace("shop").server("db.example", 5432);
        let rows = query.run_counted(async { Ok::<_, NoTable>(vec![1, 2, 3]) }, Vec::len).await;
        assert_eq!(rows.unwrap().len(), 3);
    });
    let span = collector.span("SELECT users");
    assert_eq!(span.kind, 3);
    for (key, value) in [
        ("db.system.name", "postgresql"),
        ("db.query.summary", "SELECT users"),
        ("db.query.text", "SELECT id, name FROM users WHERE name = ? AND age > ?"),
        ("db.namespace", "shop"),
        ("server.address", "db.example"),
        ("server.port", "5432"),
        ("db.response.returned_rows", "3"),
    ] {
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(value), "{key}");
    }
    let metrics = collector.received().metrics.clone();
    let duration = metrics.iter().find(|m| m.name == "db.client.operation.duration").unwrap();
    let Some(Data::Histogram(data)) = &duration.data else { panic!("not a histogram") };
    let labels = &data.data_points[0].attributes;
    assert_eq!(attribute(labels, "db.query.summary").as_deref(), Some("SELECT users"));
}

#[test]
fn a_failed_query_is_recorded() {
    let collector = run(async {
        let query = Query::new(System::Sqlite, "DELETE FROM users").summary("forget users");
        assert!(query.run(async { Err::<(), _>(NoTable) }).await.is_err());
    });
    let span = collector.span("forget users");
    assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("NoTable"));
    assert_eq!(span.status.unwrap().message, "no such table: users");
    assert_eq!(span.events[0].name, "exception");
}

#[test]
fn a_cancelled_query_is_measured_and_is_no_error() {
    let collector = run(async {
        let mut query = Box::pin(
            Query::new(System::Postgresql, "SELECT 1 FROM users")
                .run(std::future::pending::<Result<(), NoTable>>()),
        );
        assert!(futures::poll!(query.as_mut()).is_pending());
    });
    let span = collector.span("SELECT users");
    assert_eq!(span.events[0].name, "cancelled");
    assert!(span.status.is_none_or(|s| s.code == 0));
    assert!(collector.received().metrics.iter().any(|m| m.name == "db.client.operation.duration"));
}

#[cfg(feature = "sqlx")]
#[test]
fn a_database_error_keeps_the_code_of_the_product() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let work = async {
        let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
        let sql = "INSERT INTO users (name) VALUES ('alice')";
        let query = Query::new(System::Sqlite, sql);
        assert!(query.run(sqlx::query(sql).execute(&pool)).await.is_err());
        // SQLite's own thread holds the span until it has done what comes next.
        pool.close().await;
    };
    runtime.block_on(work.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).complete);
    let span = collector.span("INSERT users");
    assert_eq!(attribute(&span.attributes, "db.response.status_code").as_deref(), Some("1"));
    assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("1"));
    assert_eq!(
        attribute(&span.attributes, "db.query.text").as_deref(),
        Some("INSERT INTO users (name) VALUES (?)")
    );
}
