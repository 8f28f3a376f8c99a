//! What a segment costs: nanoseconds of CPU a row to unite and sort, to sum up traces, to encode and write; bytes a row.
//!
//! Times are CPU times of the thread (from the scheduler's accounts), so that a busy machine does not change them much.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod spans;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use throughline_model::merge::{ColumnPolicy, concat};
use throughline_model::{Signal, SystemClock, Tenant, TraceId};
use throughline_store::catalog::{Catalog, Change, FileId};
use throughline_store::compaction::{Job, run};
use throughline_store::segment::{ReadPlan, Segments, Sorted, Target, write};

const ROWS: usize = 300_000;

/// CPU time of this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn measured<T>(iterations: u64, mut run: impl FnMut() -> T) -> Duration {
    let start = cpu();
    for _ in 0..iterations {
        std::hint::black_box(run());
    }
    cpu().saturating_sub(start)
}

fn segment(criterion: &mut Criterion) {
    let batches = spans::batches(ROWS, 7);
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let mut group = criterion.benchmark_group("segment");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(rows as u64));
    let mut stage = |name: &str, run: &mut dyn FnMut(u64) -> Duration| {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter_custom(&mut *run));
    };
    stage("concat", &mut |n| {
        measured(n, || concat(Signal::Traces, &batches, ColumnPolicy::SEGMENT).unwrap())
    });
    stage("concat+sort+take", &mut |n| measured(n, || Sorted::new(Signal::Traces, &batches).unwrap()));
    let sorted = Sorted::new(Signal::Traces, &batches).unwrap();
    let in_order = [sorted.batch().clone()];
    stage("regroup+sidecar", &mut |n| {
        measured(n, || Sorted::new(Signal::Traces, &in_order).unwrap().sidecar().unwrap())
    });
    let directory = tempfile::tempdir().unwrap();
    let target = target(directory.path(), FileId(1));
    stage("write", &mut |n| measured(n, || write(&target, &batches).unwrap().unwrap()));
    let entry = write(&target, &batches).unwrap().unwrap().entry;
    let per_row = |bytes: u64| bytes as f64 / rows as f64;
    println!("bytes/row: {:.1} rows, {:.1} sidecar", per_row(entry.bytes), per_row(entry.sidecar_bytes));
    stage("compact 8 files", &mut |n| (0..n).map(|_| compaction(&batches)).sum());
    group.finish();
    reading(criterion, &batches);
    if let Ok(keep) = std::env::var("SEGMENT_BENCH_KEEP") {
        std::fs::copy(directory.path().join(&entry.path), format!("{keep}/segment.parquet")).unwrap();
        std::fs::copy(
            directory.path().join(entry.sidecar_path().unwrap()),
            format!("{keep}/segment.traces.parquet"),
        )
        .unwrap();
    }
}

/// Reads of one segment whose footer is cached.
fn reading(criterion: &mut Criterion, batches: &[RecordBatch]) {
    let directory = tempfile::tempdir().unwrap();
    let (catalog, _) = Catalog::open(directory.path(), 0).unwrap();
    let catalog = Arc::new(catalog);
    let segments = Segments::new(directory.path(), Arc::clone(&catalog), 1 << 24, Arc::new(SystemClock));
    let add = vec![write(&target(directory.path(), catalog.next_id()), batches).unwrap().unwrap().entry];
    let _ = catalog.commit(&Change { add, ..Change::default() }).unwrap();
    let entry = catalog.snapshot().files().next().cloned().unwrap();
    let first = |batch: &RecordBatch| {
        TraceId::from_slice(batch.column_by_name("trace_id").unwrap().as_fixed_size_binary().value(0))
            .unwrap()
    };
    let ids: Vec<TraceId> = batches.iter().step_by(batches.len() / 50).map(first).collect();
    let mut group = criterion.benchmark_group("read");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let mut next = ids.iter().cycle();
    let mut stage = |name: &str, run: &mut dyn FnMut()| {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|n| measured(n, &mut *run))
        });
    };
    stage("footer", &mut || {
        let cold = Segments::new(directory.path(), Arc::clone(&catalog), 1 << 24, Arc::new(SystemClock));
        cold.open(&entry).unwrap();
    });
    stage("open", &mut || drop(segments.open(&entry).unwrap()));
    stage("sidecar lookup", &mut || {
        let reader = segments.open(&entry).unwrap();
        assert_eq!(reader.traces(&[*next.next().unwrap()]).unwrap().unwrap().len(), 1);
    });
    let mut next = ids.iter().cycle();
    stage("trace by id", &mut || {
        let reader = segments.open(&entry).unwrap();
        let trace = reader.traces(&[*next.next().unwrap()]).unwrap().unwrap().remove(0);
        let rows: usize = reader
            .read(&reader.plan_rows(&trace.rows, None))
            .unwrap()
            .map(|batch| batch.unwrap().num_rows())
            .sum();
        assert_eq!(rows as u32, trace.span_count);
    });
    stage("values of http.route", &mut || {
        let reader = segments.open(&entry).unwrap();
        let found = reader.distinct(&[0, 1, 2], "a.http.route").unwrap().unwrap();
        assert_eq!((found.values.len(), found.decoded), (12, 0));
    });
    stage("decode duration_ns", &mut || {
        let reader = segments.open(&entry).unwrap();
        let plan = ReadPlan {
            row_groups: vec![0, 1, 2],
            columns: Some(vec!["duration_ns".to_owned()]),
            ..ReadPlan::default()
        };
        reader.read(&plan).unwrap().for_each(|batch| drop(batch.unwrap()));
    });
    group.finish();
}

/// Time to merge the rows of eight flushes.
fn compaction(batches: &[RecordBatch]) -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let (catalog, _) = Catalog::open(directory.path(), 0).unwrap();
    let catalog = Arc::new(catalog);
    let segments = Segments::new(directory.path(), Arc::clone(&catalog), 1 << 24, Arc::new(SystemClock));
    for share in batches.chunks(batches.len().div_ceil(8)) {
        let target = target(directory.path(), catalog.next_id());
        let add = vec![write(&target, share).unwrap().unwrap().entry];
        let _ = catalog.commit(&Change { add, ..Change::default() }).unwrap();
    }
    let mut inputs: Vec<_> = catalog.snapshot().files().cloned().collect();
    inputs.sort_by_key(|entry| entry.id);
    let job = Job { signal: Signal::Traces, tenant: Tenant::default(), inputs };
    measured(1, || run(&segments, &job, 0).unwrap())
}

fn target(data_dir: &Path, id: FileId) -> Target {
    Target {
        data_dir: data_dir.to_owned(),
        id,
        signal: Signal::Traces,
        tenant: Tenant::default(),
        level: 0,
        wal_position: 0,
        created_ns: i64::MAX,
        replaces: Vec::new(),
    }
}

criterion_group!(benches, segment);
criterion_main!(benches);
