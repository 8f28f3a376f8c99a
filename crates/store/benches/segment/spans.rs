//! Spans as nine services with three instances each send them: about 17 spans a trace, HTTP, database and messaging spans,
//! some 11 attributes a span and 14 a resource, in requests of a few hundred spans.

use arrow::array::RecordBatch;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use throughline_model::{Resource, Scope, SpanBatchBuilder, SpanFields, SpanId, TraceId, Value};

const SERVICES: [&str; 9] =
    ["gateway", "accounts", "catalog", "cart", "checkout", "payment", "shipping", "mail", "search"];
const ROUTES: [&str; 12] = [
    "/",
    "/login",
    "/products",
    "/products/{id}",
    "/cart",
    "/cart/items",
    "/checkout",
    "/orders",
    "/orders/{id}",
    "/search",
    "/profile",
    "/health",
];
const TABLES: [&str; 8] =
    ["users", "sessions", "products", "carts", "orders", "payments", "parcels", "mails"];
const SPANS_PER_BATCH: usize = 231;
const START_NS: i64 = 1_795_250_000_000_000_000;

/// Batches of about `rows` spans in all, sent over a minute.
pub(crate) fn batches(rows: usize, seed: u64) -> Vec<RecordBatch> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let origins: Vec<(String, String, String)> =
        SERVICES.iter().flat_map(|service| (0..3).map(|i| origin(service, i))).collect();
    let mut builders: Vec<SpanBatchBuilder> = origins.iter().map(|_| SpanBatchBuilder::new()).collect();
    let mut batches = Vec::new();
    let traces = rows / 17;
    let mut written = 0;
    for trace in 0.. {
        if written >= rows {
            break;
        }
        let start = START_NS + (trace as i64) * 60_000_000_000 / traces.max(1) as i64;
        written += one_trace(&mut rng, &origins, &mut builders, start);
        for builder in builders.iter_mut().filter(|builder| builder.rows() >= SPANS_PER_BATCH) {
            batches.push(builder.finish().unwrap());
        }
    }
    batches.extend(
        builders.iter_mut().filter(|builder| builder.rows() > 0).map(|builder| builder.finish().unwrap()),
    );
    batches
}

fn origin(service: &str, instance: usize) -> (String, String, String) {
    let text = |key: &str, value: String| (key.to_owned(), Value::String(value));
    let resource = Resource {
        attributes: vec![
            text("service.name", service.to_owned()),
            text("service.namespace", "shop".to_owned()),
            text("service.version", "1.14.2".to_owned()),
            text("service.instance.id", format!("{service}-7d9f8b6c5-{instance}x2k9")),
            text("deployment.environment.name", "production".to_owned()),
            text("host.name", format!("node-{instance}")),
            text("host.arch", "amd64".to_owned()),
            text("os.type", "linux".to_owned()),
            text("k8s.namespace.name", "shop".to_owned()),
            text("k8s.pod.name", format!("{service}-7d9f8b6c5-{instance}x2k9")),
            text("k8s.deployment.name", service.to_owned()),
            text("telemetry.sdk.name", "opentelemetry".to_owned()),
            text("telemetry.sdk.language", "rust".to_owned()),
            text("telemetry.sdk.version", "0.33.1".to_owned()),
        ],
        ..Resource::default()
    };
    let scope =
        Scope { name: "shop-instrumentation".to_owned(), version: "0.4.0".to_owned(), ..Scope::default() };
    (service.to_owned(), resource.to_json(), scope.to_json())
}

fn one_trace(
    rng: &mut SmallRng,
    origins: &[(String, String, String)],
    builders: &mut [SpanBatchBuilder],
    start: i64,
) -> usize {
    let trace_id = TraceId(rng.random());
    let spans = rng.random_range(9..=25);
    let mut parents = vec![(None, 0, start)];
    for n in 0..spans {
        let (parent, service, parent_start) = parents[rng.random_range(0..parents.len())];
        let service =
            if n > 0 && rng.random_bool(0.3) { rng.random_range(0..SERVICES.len()) } else { service };
        let instance = service * 3 + rng.random_range(0..3);
        let span_id = SpanId(rng.random());
        let start_ns = parent_start + rng.random_range(10_000..3_000_000);
        let duration_ns = (rng.random_range(10.0_f64..18.0).exp()) as i64;
        let failed = rng.random_bool(0.02);
        let builder = &mut builders[instance];
        let (name, resource, scope) = &origins[instance];
        builder.set_origin(name, resource, scope);
        let (name, kind) = attributes(rng, builder, n);
        if failed {
            builder.event(start_ns + duration_ns, "exception", Some(EXCEPTION), 0);
        }
        builder
            .finish_span(&SpanFields {
                trace_id,
                span_id,
                parent_span_id: parent,
                flags: 1,
                name: &name,
                kind,
                start_ns,
                duration_ns,
                status_code: if failed { 2 } else { 0 },
                status_message: if failed { "upstream timed out" } else { "" },
                ..SpanFields::default()
            })
            .unwrap();
        if n == 0 {
            parents.clear();
        }
        parents.push((Some(span_id), service, start_ns));
    }
    spans
}

const EXCEPTION: &str = r#"{"exception.type":"Timeout","exception.message":"upstream timed out after 2s","exception.stacktrace":"at call (src/client.rs:118)\nat handle (src/routes.rs:54)\nat serve (src/main.rs:21)"}"#;

fn attributes(rng: &mut SmallRng, builder: &mut SpanBatchBuilder, n: usize) -> (String, i32) {
    builder
        .attribute_str("thread.name", ["tokio-1", "tokio-2", "tokio-3", "tokio-4"][rng.random_range(0..4)]);
    builder.attribute_int("thread.id", rng.random_range(1..9));
    builder.attribute_str("code.function.name", TABLES[rng.random_range(0..8)]);
    builder.attribute_str("code.file.path", "src/handlers/orders.rs");
    builder.attribute_int("code.line.number", rng.random_range(10..400));
    let what = if n == 0 { 0 } else { rng.random_range(0..10) };
    match what {
        0..=4 => {
            let route = ROUTES[rng.random_range(0..ROUTES.len())];
            builder.attribute_str("http.request.method", if rng.random_bool(0.8) { "GET" } else { "POST" });
            builder.attribute_str("http.route", route);
            builder.attribute_int(
                "http.response.status_code",
                [200, 200, 200, 201, 304, 404, 500][rng.random_range(0..7)],
            );
            builder
                .attribute_str("url.path", &route.replace("{id}", &rng.random_range(0..50_000).to_string()));
            builder.attribute_str("server.address", "shop.example.com");
            builder.attribute_int("server.port", 443);
            builder.attribute_str(
                "client.address",
                &format!("10.0.{}.{}", rng.random_range(0..8), rng.random_range(0..255)),
            );
            if n == 0 {
                builder.attribute_str("enduser.id", &format!("u{}", rng.random_range(0..100_000)));
                builder.attribute_str("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
            }
            (format!("GET {route}"), if n == 0 { 2 } else { 3 })
        }
        5..=7 => {
            let table = TABLES[rng.random_range(0..TABLES.len())];
            builder.attribute_str("db.system.name", "postgresql");
            builder.attribute_str("db.namespace", "shop");
            builder.attribute_str("db.operation.name", "SELECT");
            builder.attribute_str("db.collection.name", table);
            builder.attribute_str(
                "db.query.text",
                &format!("SELECT * FROM {table} WHERE id = $1 AND deleted_at IS NULL"),
            );
            builder.attribute_int("db.response.returned_rows", rng.random_range(0..50));
            (format!("SELECT {table}"), 3)
        }
        8 => {
            builder.attribute_str("messaging.system", "nats");
            builder.attribute_str("messaging.destination.name", "orders.created");
            builder.attribute_str("messaging.message.id", &format!("{:016x}", rng.random::<u64>()));
            builder.attribute_int("messaging.message.body.size", rng.random_range(100..4_000));
            ("orders.created publish".to_owned(), 4)
        }
        _ => {
            builder.attribute_bool("cache.hit", rng.random_bool(0.7));
            builder.attribute_double("queue.seconds", rng.random_range(0.0..0.5));
            ("render".to_owned(), 1)
        }
    }
}
