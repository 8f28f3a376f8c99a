//! Commands to Redis, against a Redis.

use ::redis as client;
use client::aio::{ConnectionLike, MultiplexedConnection};
use client::{AsyncCommands, Client, IntoConnectionInfo, RedisResult};
use futures::StreamExt;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline_toolkit::redis::TracedConnection;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode, attribute, attributes_of_points};
use crate::{LIMIT, services, telemetry};

type Redis = TracedConnection<MultiplexedConnection>;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs `work` on a connection to database 3 of the test server.
fn run<F: Future<Output = ()>>(variables: &[(&str, &str)], work: impl FnOnce(Redis) -> F) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    runtime().block_on(async {
        let client = Client::open(format!("{}/3", services::redis())).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        let traced = TracedConnection::new(connection).server(client.get_connection_info());
        work(traced).with_subscriber(telemetry.dispatch().clone()).await;
    });
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.open_spans == 0, "{report}");
    collector
}

/// A key that no other test uses.
fn key(name: &str) -> String {
    format!("toolkit:{name}:{}", std::process::id())
}

fn of(span: &Span, key: &str) -> Option<String> {
    attribute(&span.attributes, key)
}

#[test]
fn describes_the_command_without_its_arguments() {
    let collector = run(&[], |mut redis| async move {
        let key = key("described");
        let _: () = redis.set_ex(&key, "secret", 60).await.unwrap();
        let seen: String = client::cmd("GET").arg(&key).query_async(&mut redis).await.unwrap();
        assert_eq!(seen, "secret");
    });
    let (set, get) = (collector.span("SETEX"), collector.span("GET"));
    let url = services::redis();
    let port = url.rsplit(':').next();
    for (key, value) in [
        ("db.system.name", Some("redis")),
        ("db.operation.name", Some("SETEX")),
        ("db.query.text", Some("SETEX ? ? ?")),
        ("db.namespace", Some("3")),
        ("server.address", Some("127.0.0.1")),
        ("server.port", port),
        ("db.operation.batch.size", None),
        ("db.query.summary", None),
        ("error.type", None),
    ] {
        assert_eq!(of(&set, key).as_deref(), value, "{key}");
    }
    assert_eq!((set.kind, get.kind), (3, 3));
    assert_eq!(of(&get, "db.query.text").as_deref(), Some("GET ?"));
    let labels = attributes_of_points(&collector, "db.client.operation.duration");
    let set = labels.iter().find(|l| attribute(l, "db.operation.name").as_deref() == Some("SETEX")).unwrap();
    assert_eq!(attribute(set, "db.system.name").as_deref(), Some("redis"));
    assert_eq!(attribute(set, "server.port").as_deref(), port);
    assert_eq!(attribute(set, "db.query.text"), None);
}

#[test]
fn a_command_is_a_child_of_the_span_around_it() {
    let collector = run(&[], |mut redis| async move {
        let work = async {
            let _: Option<String> = redis.get(key("nobody")).await.unwrap();
        };
        work.instrument(tracing::info_span!("caller")).await;
    });
    assert_eq!(collector.span("GET").parent_span_id, collector.span("caller").span_id);
}

#[test]
fn an_error_that_redis_answers_with_is_recorded() {
    let collector = run(&[], |mut redis| async move {
        let key = key("wrong_type");
        let _: () = redis.set_ex(&key, "text", 60).await.unwrap();
        let outcome: RedisResult<i64> = redis.lpush(&key, 1).await;
        assert_eq!(outcome.unwrap_err().code(), Some("WRONGTYPE"));
        let outcome: RedisResult<()> = client::cmd("NOSUCH").query_async(&mut redis).await;
        assert_eq!(outcome.unwrap_err().code(), Some("ERR"));
    });
    let (wrong, unknown) = (collector.span("LPUSH"), collector.span("NOSUCH"));
    for (span, code) in [(&wrong, "WRONGTYPE"), (&unknown, "ERR")] {
        assert_eq!(of(span, "db.response.status_code").as_deref(), Some(code));
        assert_eq!(of(span, "error.type").as_deref(), Some(code));
        assert_eq!(span.status.as_ref().unwrap().code, 2);
        assert_eq!(span.events.len(), 1);
        assert_eq!(span.events[0].name, "exception");
    }
    let labels = attributes_of_points(&collector, "db.client.operation.duration");
    let wrong = labels.iter().find(|l| attribute(l, "error.type").as_deref() == Some("WRONGTYPE")).unwrap();
    assert_eq!(attribute(wrong, "db.response.status_code").as_deref(), Some("WRONGTYPE"));
}

#[test]
fn a_pipeline_is_one_span() {
    let collector = run(&[], |mut redis| async move {
        let (a, b) = (key("a"), key("b"));
        let mut same = client::pipe();
        let _: () = same.set(&a, 1).ignore().set(&b, 2).ignore().query_async(&mut redis).await.unwrap();
        let mut mixed = client::pipe();
        let (n, left): (i64, i64) = mixed.incr(&a, 1).del(&b).query_async(&mut redis).await.unwrap();
        assert_eq!((n, left), (2, 1));
        let mut one = client::pipe();
        let _: () = one.del(&a).query_async(&mut redis).await.unwrap();
    });
    let same = collector.span("PIPELINE SET");
    assert_eq!(of(&same, "db.operation.batch.size").as_deref(), Some("2"));
    assert_eq!(of(&same, "db.query.text").as_deref(), Some("SET ? ?"));
    let mixed = collector.span("PIPELINE");
    assert_eq!(of(&mixed, "db.query.text").as_deref(), Some("INCRBY ? ?; DEL ?"));
    let one = collector.span("DEL");
    assert_eq!(of(&one, "db.operation.batch.size"), None);
    assert_eq!(collector.spans().len(), 3);
}

#[test]
fn the_first_error_of_a_batch_is_recorded() {
    let collector = run(&[], |mut redis| async move {
        let key = key("batch");
        let mut pipeline = client::pipe();
        pipeline.set(&key, "text").incr(&key, 1).lpush(&key, 1);
        let outcome: RedisResult<()> = pipeline.query_async(&mut redis).await;
        assert!(outcome.is_err());
        let mut transaction = client::pipe();
        transaction.atomic().set(&key, "text").lpush(&key, 1).del(&key);
        let outcome: RedisResult<()> = transaction.query_async(&mut redis).await;
        assert!(outcome.is_err());
    });
    assert_eq!(of(&collector.span("PIPELINE"), "error.type").as_deref(), Some("ERR"));
    assert_eq!(of(&collector.span("MULTI"), "error.type").as_deref(), Some("WRONGTYPE"));
}

#[test]
fn a_transaction_that_another_client_foiled_is_no_error() {
    let collector = run(&[], |mut redis| async move {
        let key = key("watched");
        let client = Client::open(format!("{}/3", services::redis())).unwrap();
        let mut other = client.get_multiplexed_async_connection().await.unwrap();
        let _: () = client::cmd("WATCH").arg(&key).query_async(&mut redis).await.unwrap();
        let _: () = other.set_ex(&key, 1, 60).await.unwrap();
        let mut transaction = client::pipe();
        transaction.atomic().set(&key, 2).set(&key, 3);
        let outcome: Option<(String, String)> = transaction.query_async(&mut redis).await.unwrap();
        assert_eq!(outcome, None);
    });
    let span = collector.span("MULTI SET");
    assert_eq!(of(&span, "error.type"), None);
    assert!(span.status.is_none_or(|s| s.code == 0));
}

#[test]
fn a_script_is_named_by_its_digest() {
    let collector = run(&[], |mut redis| async move {
        let text = format!("return redis.call('GET', KEYS[1]) or {}", std::process::id());
        let script = client::Script::new(&text);
        let answer: u32 = script.key(key("scripted")).invoke_async(&mut redis).await.unwrap();
        assert_eq!(answer, std::process::id());
    });
    // The first attempt finds no script, the script is loaded, the second finds it.
    let spans = collector.spans();
    let runs: Vec<_> = spans.iter().filter(|s| s.name == "EVALSHA").collect();
    assert_eq!(runs.len(), 2);
    assert_eq!(of(runs[0], "db.stored_procedure.name").unwrap().len(), 40);
    assert_eq!(of(runs[0], "error.type").as_deref(), Some("NOSCRIPT"));
    assert_eq!(of(runs[1], "error.type"), None);
    assert_eq!(of(&collector.span("SCRIPT"), "db.query.text").as_deref(), Some("SCRIPT ? ?"));
}

#[test]
fn each_step_of_a_scan_is_a_span() {
    let collector = run(&[], |mut redis| async move {
        let key = key("scanned");
        let members: Vec<String> = (0..2000).map(|n| format!("member-{n}")).collect();
        let _: () = redis.sadd(&key, members).await.unwrap();
        let found: Vec<String> =
            redis.sscan(&key).await.unwrap().map(|m: RedisResult<String>| m.unwrap()).collect().await;
        assert!(found.len() >= 2000);
        let _: () = redis.del(&key).await.unwrap();
    });
    let steps = collector.spans().iter().filter(|s| s.name == "SSCAN").count();
    assert!(steps > 1, "{steps}");
}

#[test]
fn a_server_that_does_not_answer_is_a_timeout_and_one_that_hangs_up_is_told_apart() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let work = async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // A connection that says nothing by itself.
        let silent = client::RedisConnectionInfo::default().set_skip_set_lib_name();
        let info = format!("redis://{address}/").into_connection_info().unwrap();
        let client = Client::open(info.set_redis_settings(silent)).unwrap();
        let (hang_up, hung_up) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            drop(hung_up.await);
            drop(stream);
        });
        let config = client::AsyncConnectionConfig::new()
            .set_response_timeout(Some(std::time::Duration::from_millis(50)));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut redis = TracedConnection::new(connection.unwrap());
        let outcome: RedisResult<()> = redis.get("k").await;
        assert!(outcome.unwrap_err().is_timeout());
        drop(hang_up);
        server.await.unwrap();
        let outcome: RedisResult<()> = redis.del("k").await;
        assert!(outcome.is_err());
    };
    runtime().block_on(work.with_subscriber(telemetry.dispatch().clone()));
    assert!(telemetry.shutdown_blocking(LIMIT).is_lossless());
    assert_eq!(of(&collector.span("GET"), "error.type").as_deref(), Some("timeout"));
    assert_eq!(of(&collector.span("GET"), "db.response.status_code"), None);
    assert_eq!(of(&collector.span("DEL"), "error.type").as_deref(), Some("connection_dropped"));
}

#[test]
fn a_command_that_is_not_awaited_to_its_end_is_cancelled() {
    let collector = run(&[], |mut redis| async move {
        let blocked = client::cmd("BLPOP").arg(key("empty")).arg(30).to_owned();
        let mut waiting = Box::pin(blocked.query_async::<()>(&mut redis));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
    });
    let span = collector.span("BLPOP");
    assert_eq!(span.events[0].name, "cancelled");
    assert!(span.status.is_none_or(|s| s.code == 0));
}

#[test]
fn an_unsampled_command_is_measured_and_leaves_no_span() {
    let collector = run(&[("OTEL_TRACES_SAMPLER", "always_off")], |mut redis| async move {
        let _: Option<String> = redis.get(key("nobody")).await.unwrap();
    });
    assert!(collector.spans().is_empty());
    let labels = attributes_of_points(&collector, "db.client.operation.duration");
    assert_eq!(attribute(&labels[0], "db.operation.name").as_deref(), Some("GET"));
}

#[test]
fn without_telemetry_a_connection_works_as_before() {
    runtime().block_on(async {
        let client = Client::open(services::redis()).unwrap();
        let manager = client.get_connection_manager().await.unwrap();
        let mut redis = TracedConnection::new(manager);
        let key = key("plain");
        let _: () = redis.set_ex(&key, 7, 60).await.unwrap();
        let (n,): (i64,) = client::pipe().get(&key).query_async(&mut redis).await.unwrap();
        assert_eq!((n, redis.get_db()), (7, 0));
    });
}

#[test]
fn the_duration_of_a_span_is_the_duration_that_is_measured() {
    let collector = run(&[], |mut redis| async move {
        let _: () = client::cmd("PING").query_async(&mut redis).await.unwrap();
    });
    let span = collector.span("PING");
    let seconds = (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e9;
    let metrics = collector.received().metrics.clone();
    let duration = metrics.iter().find(|m| m.name == "db.client.operation.duration").unwrap();
    let Some(Data::Histogram(data)) = &duration.data else { panic!("not a histogram") };
    let point = &data.data_points[0];
    assert!((point.sum() - seconds).abs() < 1e-3, "{} against {seconds}", point.sum());
    assert_eq!(point.exemplars[0].span_id, span.span_id);
}
