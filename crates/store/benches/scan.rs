//! CPU time of the queries that the design sets bars for, over two million spans in two segments
//! and some live ones: newest-first search, trace by id, tag values, counts.
//!
//! `SCAN_BENCH_SPANS` changes how many. CPU time of all threads is measured, as the kernel counts it.
#![allow(clippy::unwrap_used, reason = "a bench")]
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::TryStreamExt;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use throughline_model::{
    Event, Resource, Scope, Signal, Span, SpanBatchBuilder, SpanId, Tenant, TraceId, Value,
};
use throughline_store::scan::{
    AttributeScope, Columns, CompareOp, Field, Filter, Limit, Order, ScanRequest, TimeRange,
};
use throughline_store::{Append, Store, StoreConfig};

/// What the server runs on.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SERVICES: u64 = 9;
const TRACE_SPANS: u64 = 17;
const BATCH: u64 = 10_000;
/// 2 million spans in 15 minutes.
const STEP_NS: i64 = 450_000;

/// CPU nanoseconds of all threads of the process.
struct CpuTime;

fn cpu_ns() -> u64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let of_thread = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    threads.flatten().filter_map(|thread| of_thread(thread.path())).sum()
}

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = u64;
    fn start(&self) -> u64 {
        cpu_ns()
    }
    fn end(&self, start: u64) -> u64 {
        cpu_ns().saturating_sub(start)
    }
    fn add(&self, a: &u64, b: &u64) -> u64 {
        a + b
    }
    fn zero(&self) -> u64 {
        0
    }
    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// A number that looks random, always the same for the same input.
fn mixed(n: u64) -> u64 {
    let mut x = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

fn trace_id(trace: u64) -> TraceId {
    TraceId(((u128::from(mixed(trace)) << 64) | u128::from(mixed(!trace))).to_be_bytes())
}

fn span(n: u64, origins: &[(Arc<Resource>, Arc<Scope>)]) -> Span {
    let random = mixed(n ^ 0xABCD);
    let trace = n / TRACE_SPANS;
    let service = (n % TRACE_SPANS + mixed(trace)) % SERVICES;
    let instance = (service * 3 + random % 3) as usize;
    let route = random >> 8 & 31;
    let text = |key: &str, value: String| (key.to_owned(), Value::String(value));
    let int = |key: &str, value: u64| (key.to_owned(), Value::Int(value as i64));
    let mut attributes = vec![
        text("http.request.method", ["GET", "POST", "PUT"][(random >> 16) as usize % 3].to_owned()),
        text("http.route", format!("/api/v1/resource{route}/{{id}}")),
        int("http.response.status_code", if random.is_multiple_of(37) { 500 } else { 200 }),
        text("url.path", format!("/api/v1/resource{route}/{}", random >> 20 & 0xFFFF)),
        text("server.address", format!("svc-{service}.internal")),
        int("server.port", 8_080 + service),
        text("network.protocol.version", "1.1".to_owned()),
        text("user_agent.original", format!("client/{}", random >> 40 & 7)),
        int("thread.id", random >> 24 & 15),
        text("enduser.id", format!("user-{}", random >> 30 & 0x3FFF)),
    ];
    if random.is_multiple_of(5) {
        attributes.push(text("db.system.name", "postgresql".to_owned()));
        attributes.push(text("db.query.summary", format!("SELECT t{}", random >> 12 & 63)));
    }
    let events = if random.is_multiple_of(60) {
        vec![Event {
            name: "exception".into(),
            attributes: vec![text("exception.type", "Timeout".into())],
            ..Event::default()
        }]
    } else {
        Vec::new()
    };
    let (resource, scope) = &origins[instance];
    Span {
        trace_id: trace_id(trace),
        span_id: SpanId((mixed(n) | 1).to_be_bytes()),
        parent_span_id: (!n.is_multiple_of(TRACE_SPANS)).then(|| SpanId((mixed(n - 1) | 1).to_be_bytes())),
        name: format!("operation {route}"),
        kind: 1 + (random >> 5 & 3) as i32,
        start_ns: START_NS + n as i64 * STEP_NS,
        duration_ns: (random >> 10 & 0xFFF_FFFF) as i64,
        status_code: if random.is_multiple_of(37) { 2 } else { 0 },
        attributes,
        events,
        resource: resource.clone(),
        scope: scope.clone(),
        ..Span::default()
    }
}

const START_NS: i64 = 1_795_250_000_000_000_000;

fn origins() -> Vec<(Arc<Resource>, Arc<Scope>)> {
    let scope = Arc::new(Scope { name: "tracing".into(), version: "0.33".into(), ..Scope::default() });
    (0..SERVICES * 3)
        .map(|instance| {
            let text = |key: &str, value: String| (key.to_owned(), Value::String(value));
            let mut attributes = vec![
                text("service.name", format!("svc-{}", instance / 3)),
                text("service.instance.id", format!("instance-{instance}")),
            ];
            attributes
                .extend((0..12).map(|n| text(&format!("k8s.label.{n}"), format!("value {n} of {instance}"))));
            (Arc::new(Resource { attributes, ..Resource::default() }), scope.clone())
        })
        .collect()
}

async fn filled(spans: u64) -> (Arc<Store>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = StoreConfig::new(directory.path());
    config.flush.interval = Duration::from_secs(36_000);
    config.flush.rows = u64::MAX;
    config.flush.bytes = usize::MAX;
    config.live.bytes_max = usize::MAX;
    config.compaction.enabled = false;
    config.retention.age_max = Duration::ZERO;
    let replay = Arc::new(|_: &throughline_store::WalRecord| Err("nothing to replay".to_owned()));
    let (store, _) = Store::open(config, replay).await.unwrap();
    let origins = origins();
    let half = spans / 2 / BATCH * BATCH;
    // A fortieth stays live.
    let live_from = spans - spans / 40;
    for start in (0..spans).step_by(BATCH as usize) {
        let mut builder = SpanBatchBuilder::new();
        (start..spans.min(start + BATCH)).for_each(|n| builder.push(&span(n, &origins)).unwrap());
        let append = Append {
            tenant: Tenant::default(),
            signal: Signal::Traces,
            encoding: 0,
            pipeline: "traces".into(),
            received_ns: 0,
            raw: bytes::Bytes::from_static(b"raw"),
            batch: builder.finish().unwrap(),
        };
        store.append(append).await.unwrap();
        let done = start + BATCH;
        if done == half || (done <= live_from && done + BATCH > live_from) {
            store.flush().await.unwrap();
        }
    }
    (store, directory)
}

fn request(filter: Filter, limit: Limit) -> ScanRequest {
    let columns = Columns::named(&[
        "trace_id",
        "span_id",
        "parent_span_id",
        "name",
        "service",
        "start_ns",
        "duration_ns",
        "status_code",
    ]);
    ScanRequest {
        filter,
        limit,
        columns,
        order: Order::NewestFirst,
        ..ScanRequest::new(Tenant::default(), Signal::Traces)
    }
}

async fn rows(store: &Store, request: ScanRequest) -> usize {
    let mut stream = store.scan(request).unwrap();
    let mut rows = 0;
    while let Some(batch) = stream.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    rows
}

fn queries(criterion: &mut Criterion<CpuTime>) {
    let spans = std::env::var("SCAN_BENCH_SPANS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000_000_u64);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (store, _directory) = runtime.block_on(filled(spans));
    let service = || Filter::eq(Field::attribute(AttributeScope::Resource, "service.name"), "svc-4");
    let error = || Filter::eq(Field::column("status_code"), 2);
    let longer = |ms: i64| Filter::compare(Field::column("duration_ns"), CompareOp::Gt, ms * 1_000_000);
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Elements(spans)).sample_size(20);
    let searches = [
        ("search_service_status_duration_limit_20", Filter::And(vec![service(), error(), longer(100)])),
        (
            "search_route_and_duration",
            Filter::And(vec![
                service(),
                Filter::eq(Field::attribute(AttributeScope::Span, "http.route"), "/api/v1/resource7/{id}"),
                longer(200),
            ]),
        ),
        ("search_rare_in_service", Filter::And(vec![service(), error(), longer(267)])),
        ("search_nothing_found", Filter::And(vec![service(), error(), longer(400)])),
        (
            "search_needle_any_service",
            Filter::eq(Field::attribute(AttributeScope::Span, "enduser.id"), "user-77"),
        ),
        ("search_everything", Filter::All),
    ];
    // Live rows alone answer most searches: ask for those before them, too.
    let stored = TimeRange::new(0, START_NS + (spans - spans / 40) as i64 * STEP_NS);
    let times = [("", TimeRange::ALL), ("_stored", stored)];
    for ((name, filter), (suffix, time)) in
        searches.iter().flat_map(|search| times.map(|time| (search, time)))
    {
        let traces = ScanRequest { time, ..request(filter.clone(), Limit::Traces(20)) };
        let found = runtime.block_on(rows(&store, traces.clone()));
        group.bench_function(format!("{name}{suffix} ({found} rows)"), |bencher| {
            bencher.iter(|| runtime.block_on(rows(&store, black_box(traces.clone()))));
        });
    }
    let mut trace = 0;
    let tenant = Tenant::default();
    group.bench_function("trace_by_id_all_columns", |bencher| {
        bencher.iter(|| {
            trace += 9_973;
            let id = trace_id(trace % (spans / TRACE_SPANS));
            runtime.block_on(store.traces(&tenant, &[id], Columns::All, None)).unwrap()
        });
    });
    group.bench_function("summaries_of_20_traces", |bencher| {
        bencher.iter(|| {
            trace += 9_973;
            let ids: Vec<TraceId> =
                (0..20).map(|n| trace_id((trace + n * 37) % (spans / TRACE_SPANS))).collect();
            runtime.block_on(store.summaries(&tenant, &ids, None)).unwrap()
        });
    });
    for (name, field, filter) in [
        ("values_of_http.route", Field::attribute(AttributeScope::Span, "http.route"), Filter::All),
        (
            "values_of_resource.service.name",
            Field::attribute(AttributeScope::Resource, "service.name"),
            Filter::All,
        ),
        ("values_of_http.route_in_service", Field::attribute(AttributeScope::Span, "http.route"), service()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let values = store.attribute_values(
                    &tenant,
                    Signal::Traces,
                    &field,
                    TimeRange::ALL,
                    filter.clone(),
                    5_000,
                );
                runtime.block_on(values).unwrap()
            });
        });
    }
    group.bench_function("attribute_keys", |bencher| {
        bencher.iter(|| {
            let keys =
                store.attribute_keys(&tenant, Signal::Traces, None, TimeRange::ALL, Filter::All, 5_000);
            runtime.block_on(keys).unwrap()
        });
    });
    group.finish();
}

criterion_group! {
    name = scans;
    config = Criterion::default().with_measurement(CpuTime).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = queries
}
criterion_main!(scans);
