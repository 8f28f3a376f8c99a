//! sqlx through a traced pool.

use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use throughline_toolkit::db::TracedPool;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, services, telemetry};

/// Runs `work` with telemetry that sends to the collector it returns.
fn run<F: Future<Output = ()>>(work: F) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).is_lossless());
    collector
}

async fn sqlite() -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None);
    let pool = pool.acquire_timeout(Duration::from_millis(500)).connect("sqlite::memory:").await.unwrap();
    sqlx::query("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)").execute(&pool).await.unwrap();
    pool
}

#[test]
fn queries_rows_and_transactions_have_spans() {
    let collector = run(async {
        let db = TracedPool::new(services::postgres_schema().await);
        sqlx::query("CREATE TABLE users (id serial PRIMARY KEY, name text)")
            .execute(db.pool())
            .await
            .unwrap();
        async {
            let mut tx = db.begin().await.unwrap();
            let insert = db.query("INSERT INTO users (name) VALUES ($1), ($2)").bind("alice").bind("bob");
            assert_eq!(insert.execute(&mut *tx).await.unwrap().rows_affected(), 2);
            tx.commit().await.unwrap();
            let query =
                db.query_as::<(i32, String)>("SELECT id, name FROM users WHERE id > $1 ORDER BY id").bind(1);
            let users = query.summary("list users").fetch_all(db.pool()).await.unwrap();
            assert_eq!(users, [(2, "bob".to_owned())]);
            let count =
                db.query_scalar::<i64>("SELECT count(*) FROM users").fetch_one(db.pool()).await.unwrap();
            assert_eq!(count, 2);
            let nobody = db.query("SELECT name FROM users WHERE id = $1").bind(9);
            assert!(nobody.fetch_optional(db.pool()).await.unwrap().is_none());
            db.begin().await.unwrap().rollback().await.unwrap();
        }
        .instrument(tracing::info_span!("request"))
        .await;
    });
    let request = collector.span("request");
    let spans = collector.spans();
    let below = spans.iter().filter(|span| span.parent_span_id == request.span_id);
    // On a busy machine a connection may be waited for, too.
    let mut names: Vec<&str> =
        below.map(|span| span.name.as_str()).filter(|name| *name != "acquire connection").collect();
    names.sort_unstable();
    let expected = [
        "BEGIN",
        "BEGIN",
        "COMMIT",
        "INSERT users",
        "ROLLBACK",
        "SELECT users",
        "SELECT users",
        "list users",
    ];
    assert_eq!(names, expected);
    assert!(
        spans
            .iter()
            .all(|span| span.kind == 3 || ["request", "acquire connection"].contains(&span.name.as_str()))
    );
    let of = |name: &str, key: &str| {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        attribute(&span.attributes, key)
    };
    assert_eq!(of("INSERT users", "db.response.affected_rows").as_deref(), Some("2"));
    assert_eq!(of("list users", "db.response.returned_rows").as_deref(), Some("1"));
    assert_eq!(of("BEGIN", "db.query.summary").as_deref(), Some("BEGIN"));
    assert_eq!(of("BEGIN", "db.system.name").as_deref(), Some("postgresql"));
}

#[test]
fn a_row_that_is_missing_or_does_not_fit_marks_the_query() {
    let collector = run(async {
        let db = TracedPool::new(services::postgres_schema().await);
        sqlx::query("CREATE TABLE users (name text)").execute(db.pool()).await.unwrap();
        let missing = db.query("SELECT name FROM users").summary("missing").fetch_one(db.pool()).await;
        assert!(matches!(missing, Err(sqlx::Error::RowNotFound)));
        let unfit = db.query_scalar::<i64>("SELECT 'text'").summary("unfit").fetch_one(db.pool()).await;
        assert!(unfit.is_err());
    });
    for (name, error_type) in [("missing", "RowNotFound"), ("unfit", "ColumnDecode")] {
        let span = collector.span(name);
        assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some(error_type));
        assert_eq!(span.status.unwrap().code, 2);
    }
}

/// The points of a metric: their values by the value of an attribute.
fn points(collector: &Collector, name: &str, key: &str) -> Vec<(String, i64)> {
    let received = collector.received();
    let metric = received.metrics.iter().rev().find(|m| m.name == name).unwrap_or_else(|| panic!("{name}"));
    let points = match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => &sum.data_points,
        other => panic!("{name}: {other:?}"),
    };
    let mut values: Vec<(String, i64)> = points
        .iter()
        .map(|point| {
            let Some(Value::AsInt(value)) = point.value else { panic!("{point:?}") };
            (attribute(&point.attributes, key).unwrap_or_default(), value)
        })
        .collect();
    values.sort();
    values
}

#[test]
fn a_pool_is_measured_by_the_conventions() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = async {
        let db = TracedPool::new(sqlite().await).named("shop");
        let held = db.acquire().await.unwrap();
        let late = tokio::time::timeout(LIMIT, db.acquire()).await.unwrap();
        assert!(matches!(late, Err(sqlx::Error::PoolTimedOut)));
        let mut waiting = Box::pin(db.acquire());
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(telemetry.flush(LIMIT).await.complete);
        drop((waiting, held));
        db
    };
    let db = runtime.block_on(work.with_subscriber(telemetry.dispatch().clone()));
    let pool = "db.client.connection.pool.name";
    assert_eq!(
        points(&collector, "db.client.connection.count", "db.client.connection.state"),
        [("idle".to_owned(), 0), ("used".to_owned(), 1)]
    );
    assert_eq!(points(&collector, "db.client.connection.max", pool), [("shop".to_owned(), 1)]);
    assert_eq!(points(&collector, "db.client.connection.idle.min", pool), [("shop".to_owned(), 1)]);
    assert_eq!(points(&collector, "db.client.connection.pending_requests", pool), [("shop".to_owned(), 1)]);
    assert_eq!(points(&collector, "db.client.connection.timeouts", pool), [("shop".to_owned(), 1)]);
    let waits =
        collector.received().metrics.iter().find(|m| m.name == "db.client.connection.wait_time").cloned();
    let Some(Data::Histogram(waits)) = waits.unwrap().data else { panic!("not a histogram") };
    assert_eq!(waits.data_points[0].count, 1, "those that got one");
    let spans = collector.spans();
    let failed = |span: &&Span| attribute(&span.attributes, "error.type").is_some();
    let failed = spans.iter().filter(|span| span.name == "acquire connection").find(failed).unwrap();
    assert_eq!(attribute(&failed.attributes, "error.type").as_deref(), Some("PoolTimedOut"));
    assert_eq!(attribute(&failed.attributes, pool).as_deref(), Some("shop"));
    assert!(failed.end_time_unix_nano - failed.start_time_unix_nano >= 500_000_000);
    drop(db);
    assert!(telemetry.shutdown_blocking(LIMIT).complete);
}

#[test]
fn postgresql_tells_its_place_and_its_sqlstate() {
    let address = std::cell::RefCell::new(String::new());
    let collector = run(async {
        let db = TracedPool::new(services::postgres_schema().await);
        address.replace(services::postgres());
        db.query("CREATE TABLE users (id int PRIMARY KEY)").execute(db.pool()).await.unwrap();
        let insert = || db.query("INSERT INTO users (id) VALUES ($1)").bind(1_i32);
        insert().execute(db.pool()).await.unwrap();
        assert!(insert().execute(db.pool()).await.is_err());
    });
    let spans = collector.spans();
    let failed = spans.iter().find(|span| span.status.as_ref().is_some_and(|s| s.code == 2)).unwrap();
    let port = address.borrow().rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    for (key, value) in [
        ("db.system.name", "postgresql"),
        ("db.namespace", "postgres"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("error.type", "23505"),
        ("db.response.status_code", "23505"),
        ("db.query.text", "INSERT INTO users (id) VALUES ($1)"),
    ] {
        assert_eq!(attribute(&failed.attributes, key).as_deref(), Some(value), "{key}");
    }
    let received = collector.received();
    let duration = received.metrics.iter().find(|m| m.name == "db.client.operation.duration").unwrap();
    let Some(Data::Histogram(data)) = &duration.data else { panic!("not a histogram") };
    let failures = data.data_points.iter().filter(|point| {
        attribute(&point.attributes, "error.type").as_deref() == Some("23505")
            && attribute(&point.attributes, "db.response.status_code").as_deref() == Some("23505")
    });
    assert_eq!(failures.count(), 1);
}

#[test]
fn comments_lead_from_the_servers_log_to_the_trace() {
    let seen = std::cell::RefCell::new(Vec::<String>::new());
    let collector = run(async {
        let db = TracedPool::new(services::postgres_schema().await);
        let sql = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        for db in [db.clone(), db.with_comments()] {
            let query = db.query_scalar::<String>(sql).summary("activity");
            let text = query.fetch_one(db.pool()).instrument(tracing::info_span!("request")).await.unwrap();
            seen.borrow_mut().push(text);
        }
    });
    let seen = seen.take();
    assert!(!seen[0].contains("traceparent"), "off unless asked for");
    let (statement, comment) = seen[1].split_once(" /*").unwrap();
    assert!(statement.starts_with("SELECT query"));
    let mut spans: Vec<_> = collector.spans().into_iter().filter(|span| span.name == "activity").collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let span = &spans[1];
    assert_eq!(comment, format!("traceparent='00-{}-{}-03'*/", hex(&span.trace_id), hex(&span.span_id)));
    let text = attribute(&span.attributes, "db.query.text").unwrap();
    assert!(!text.contains("traceparent"));
}
