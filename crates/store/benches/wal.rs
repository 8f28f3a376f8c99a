//! What an append to the write-ahead log costs: alone (one sync a request) and with others (one sync for all that wait).
//! And what storing costs in all, from the decoded batch to the segment: CPU time of the process.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr, reason = "a benchmark")]

#[path = "segment/spans.rs"]
mod spans;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use parking_lot::Mutex;
use throughline_model::{Signal, Span, SpanBatchBuilder, SpanId, Tenant, TraceId};
use throughline_store::store::Append;
use throughline_store::{Durability, Store, StoreConfig};

/// A request of 231 spans in 110 KB, as the engine's measurements used.
const SPANS: u64 = 231;
const RAW_BYTES: usize = 110_000;

fn request() -> Append {
    let mut builder = SpanBatchBuilder::new();
    for number in 1..=SPANS {
        let trace_id = TraceId(u128::from(number / 17 + 1).to_be_bytes());
        let span = Span { trace_id, span_id: SpanId(number.to_be_bytes()), start_ns: 1, ..Span::default() };
        builder.push(&span).unwrap();
    }
    Append {
        tenant: Tenant::default(),
        signal: Signal::Traces,
        encoding: 1,
        pipeline: "traces".into(),
        received_ns: 0,
        raw: Bytes::from(vec![0xa5; RAW_BYTES]),
        batch: builder.finish().unwrap(),
    }
}

fn open(runtime: &tokio::runtime::Runtime, durability: Durability) -> (tempfile::TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = StoreConfig::new(dir.path());
    config.durability = durability;
    // Only the log: the flush has a benchmark of its own.
    config.live.bytes_max = usize::MAX;
    config.live.merge_interval = Duration::from_secs(3600);
    config.flush.rows = u64::MAX;
    config.flush.bytes = usize::MAX;
    config.wal.bytes_max = u64::MAX;
    let replay: throughline_store::Replay = Arc::new(|_| Err("never".to_owned()));
    let (store, _) = runtime.block_on(Store::open(config, replay)).unwrap();
    (dir, store)
}

/// Time for `requests` requests, `together` at a time.
async fn append(store: &Arc<Store>, request: &Append, requests: u64, together: u64) -> Duration {
    let start = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..together {
        let share = requests / together + u64::from(writer < requests % together);
        let (store, request) = (store.clone(), request.clone());
        writers.spawn(async move {
            for _ in 0..share {
                store.append(black_box(request.clone())).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    start.elapsed()
}

fn wal_append(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let request = request();
    let mut group = criterion.benchmark_group("wal_append");
    group.throughput(Throughput::Elements(SPANS)).sample_size(10).measurement_time(Duration::from_secs(3));
    for (name, durability) in [("strict", Durability::Strict), ("relaxed", Durability::Relaxed)] {
        for together in [1, 16, 64] {
            let (_dir, store) = open(&runtime, durability);
            group.bench_function(BenchmarkId::new(name, together), |bencher| {
                bencher
                    .iter_custom(|requests| runtime.block_on(append(&store, &request, requests, together)));
            });
            let stats = store.stats().wal;
            eprintln!(
                "{name}/{together}: {} records in {} groups, {} syncs",
                stats.records, stats.groups, stats.syncs
            );
        }
    }
    group.finish();
}

/// CPU time of the process, of threads that ended too.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Appends all batches, 16 at a time, and flushes; returns CPU time.
async fn store_all(batches: Vec<RecordBatch>, print: bool) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    let replay: throughline_store::Replay = Arc::new(|_| Err("never".to_owned()));
    let mut config = StoreConfig::new(dir.path());
    config.retention.age_max = Duration::ZERO;
    let (store, _) = Store::open(config, replay).await.unwrap();
    let start = (cpu(), Instant::now());
    let mut writers = tokio::task::JoinSet::new();
    let queue = Arc::new(Mutex::new(batches));
    for _ in 0..16 {
        let (store, queue) = (store.clone(), queue.clone());
        writers.spawn(async move {
            loop {
                let Some(batch) = queue.lock().pop() else { return };
                while store.stats().live_bytes > 160 << 20 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let raw = Bytes::from(vec![0xa5; batch.num_rows() * 476]);
                store.append(Append { raw, batch, ..request() }).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let appended = (cpu(), start.1.elapsed());
    store.flush().await.unwrap();
    let took = cpu() - start.0;
    if print {
        let stats = store.stats();
        eprintln!(
            "{} spans: appended in {:?} wall, {:?} CPU; with flushes {took:?} CPU; {} segments, {} bytes; {:?}",
            stats.spans.rows,
            appended.1,
            appended.0 - start.0,
            stats.segments,
            stats.segment_bytes,
            stats.wal
        );
    }
    took
}

fn ingest(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rows = 300_000;
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(rows)).sample_size(10);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(5));
    group.bench_function("append+flush, CPU", |bencher| {
        bencher.iter_custom(|times| {
            let one = |time| runtime.block_on(store_all(spans::batches(rows as usize, 7), time == 0));
            (0..times).map(one).sum()
        });
    });
    group.finish();
}

criterion_group!(benches, wal_append, ingest);
criterion_main!(benches);
