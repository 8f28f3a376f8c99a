//! Measures metrics queries over made-up spans: `series_cost [SPANS]`, an hour of them, flushed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    reason = "a tool for developers"
)]

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use throughline_model::{Resource, Signal, Span, SpanBatchBuilder, SpanId, Tenant, TraceId, Value};
use throughline_query::{Engine, Limits, SpanMetricsRequest, TimeRange};
use throughline_store::{Append, Durability, Store, StoreConfig};

const SERVICES: [&str; 8] = ["gateway", "auth", "users", "orders", "payment", "stock", "mail", "db"];
const HOUR_NS: u64 = 3_600_000_000_000;
const START_NS: i64 = 1_700_000_000_000_000_000;
const BATCH: u64 = 16_000;

fn span(number: u64, apart_ns: u64, resources: &[Arc<Resource>]) -> Span {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let index = number % 8;
    Span {
        trace_id: TraceId((u128::from(number / 8) << 64 | 7).to_be_bytes()),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_span_id: (index > 0).then(|| SpanId(number.to_be_bytes())),
        name: format!("operation {}", (mixed >> 20) % 20 + index),
        kind: 2,
        start_ns: START_NS + (number * apart_ns) as i64,
        duration_ns: ((mixed >> 24) % 1_000_000_000) as i64,
        status_code: if (mixed >> 40).is_multiple_of(100) { 2 } else { 0 },
        attributes: vec![
            ("http.status_code".to_owned(), Value::Int(((mixed >> 30) % 5 * 100 + 200) as i64)),
            ("user".to_owned(), Value::from(format!("user-{}", mixed % 10_000))),
        ],
        resource: resources[index as usize].clone(),
        ..Span::default()
    }
}

async fn fill(store: &Store, spans: u64) {
    let resource = |service: &&str| {
        let attributes = vec![("service.name".to_owned(), Value::from(*service))];
        Arc::new(Resource { attributes, ..Resource::default() })
    };
    let resources: Vec<_> = SERVICES.iter().map(resource).collect();
    for first in (0..spans).step_by(BATCH as usize) {
        let mut builder = SpanBatchBuilder::new();
        for number in first..(first + BATCH).min(spans) {
            builder.push(&span(number, HOUR_NS / spans, &resources)).unwrap();
        }
        let request = Append {
            tenant: Tenant::default(),
            signal: Signal::Traces,
            encoding: 0,
            pipeline: "example".into(),
            received_ns: 1,
            raw: Bytes::from_static(b"x"),
            batch: builder.finish().unwrap(),
        };
        store.append(request).await.unwrap();
    }
    store.flush().await.unwrap();
}

#[tokio::main]
async fn main() {
    let spans = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(2_000_000);
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig { durability: Durability::Relaxed, ..StoreConfig::new(directory.path()) };
    let replay = Arc::new(|_: &throughline_store::WalRecord| Err("nothing is replayed".to_owned()));
    let (store, _) = Store::open(config, replay).await.unwrap();
    fill(&store, spans).await;
    println!("{spans} spans");
    let engine = Engine::new(store.clone(), Limits::default());
    for (query, exemplars) in [
        ("{ } | rate()", 0),
        ("{ } | rate() by (resource.service.name)", 0),
        ("{ } | rate() by (resource.service.name)", 20),
        ("{ nestedSetParent < 0 } | rate() by (status)", 0),
        ("{ } | quantile_over_time(duration, .99) by (resource.service.name)", 0),
        ("{ } | histogram_over_time(duration)", 0),
        ("{ } | rate() by (name)", 0),
        ("{ } | rate() by (span.http.status_code)", 0),
        ("{ status = error } | rate() by (resource.service.name)", 0),
        ("{ nestedSetParent < 0 } | compare({ status = error }, 10)", 0),
    ] {
        for round in 0..4 {
            let request = SpanMetricsRequest {
                tenant: Tenant::default(),
                query: query.to_owned(),
                time: TimeRange::new(START_NS, START_NS + HOUR_NS as i64),
                step_ns: Some(60_000_000_000),
                exemplars,
                series_max: 1_000,
            };
            let started = Instant::now();
            let answer = engine.span_metrics(request).await.unwrap();
            if round == 3 {
                println!(
                    "{:7.1} ms {:4} series {:8} rows {:10} bytes  {query}{}",
                    started.elapsed().as_secs_f64() * 1e3,
                    answer.series.len(),
                    answer.stats.inspected_rows,
                    answer.stats.inspected_bytes,
                    if exemplars > 0 { " with exemplars" } else { "" },
                );
            }
        }
    }
    store.shutdown().await.unwrap();
}
