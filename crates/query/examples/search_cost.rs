//! Measures searches over made-up traces: `search_cost [TRACES]`, eight spans a trace, flushed.

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
use throughline_query::{Engine, Limits, SearchRequest, TimeRange};
use throughline_store::{Append, Durability, Store, StoreConfig};

const SERVICES: [&str; 8] = ["gateway", "auth", "users", "orders", "payment", "stock", "mail", "db"];

fn trace(number: u64, resources: &[Arc<Resource>]) -> Vec<Span> {
    let start_ns = 1_700_000_000_000_000_000 + number as i64 * 1_000_000;
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let spans = (0..8u64).map(|index| Span {
        trace_id: TraceId((u128::from(mixed) << 64 | u128::from(number)).to_be_bytes()),
        span_id: SpanId((index + 1).to_be_bytes()),
        parent_span_id: (index > 0).then(|| SpanId(index.to_be_bytes())),
        name: format!("operation {}", (mixed >> 20) % 20 + index),
        kind: 2,
        start_ns: start_ns + index as i64 * 1_000,
        duration_ns: ((mixed >> (index * 4)) % 1_000_000_000) as i64,
        status_code: if (mixed >> 40).is_multiple_of(100) { 2 } else { 0 },
        attributes: vec![
            ("http.status_code".to_owned(), Value::Int(((mixed >> 30) % 5 * 100 + 200) as i64)),
            ("user".to_owned(), Value::from(format!("user-{}", mixed % 10_000))),
        ],
        resource: resources[index as usize].clone(),
        ..Span::default()
    });
    spans.collect()
}

async fn fill(store: &Store, traces: u64) {
    let resource = |service: &&str| {
        let attributes = vec![("service.name".to_owned(), Value::from(*service))];
        Arc::new(Resource { attributes, ..Resource::default() })
    };
    let resources: Vec<_> = SERVICES.iter().map(resource).collect();
    for first in (0..traces).step_by(2_000) {
        let mut builder = SpanBatchBuilder::new();
        for number in first..(first + 2_000).min(traces) {
            trace(number, &resources).iter().for_each(|span| builder.push(span).unwrap());
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
    let traces = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(25_000);
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig { durability: Durability::Relaxed, ..StoreConfig::new(directory.path()) };
    let replay = Arc::new(|_: &throughline_store::WalRecord| Err("nothing is replayed".to_owned()));
    let (store, _) = Store::open(config, replay).await.unwrap();
    fill(&store, traces).await;
    println!("{} spans", traces * 8);
    let engine = Engine::new(store.clone(), Limits::default());
    for query in [
        "{ }",
        "{ resource.service.name = \"payment\" && status = error && duration > 100ms }",
        "{ .http.status_code >= 600 }",
        "{ .user = \"user-77\" }",
        "{ name =~ \"operation 1.\" }",
        "{ rootServiceName = \"gateway\" && status = error }",
        "{ resource.service.name = \"auth\" } >> { status = error }",
        "{ status = error } | count() > 3",
    ] {
        for round in 0..3 {
            let request = SearchRequest {
                tenant: Tenant::default(),
                query: query.into(),
                time: TimeRange::ALL,
                limit: 20,
                spans_per_spanset: 3,
            };
            let started = Instant::now();
            let result = engine.search(request).await.unwrap();
            if round == 2 {
                println!(
                    "{:7.1} ms {:3} traces {:8} rows {:10} bytes {:5} loaded  {query}",
                    started.elapsed().as_secs_f64() * 1e3,
                    result.traces.len(),
                    result.stats.inspected_rows,
                    result.stats.inspected_bytes,
                    result.stats.inspected_traces,
                );
            }
        }
    }
    store.shutdown().await.unwrap();
}
