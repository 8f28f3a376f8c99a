//! Requests whose rows carry numbers, so that a test can tell which rows a store has, and how often.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use throughline_model::{
    LogBatchBuilder, LogRecord, Signal, Span, SpanBatchBuilder, SpanId, Tenant, TraceId, Value,
};
use throughline_model::{SystemClock, rows};
use throughline_store::segment::ReadPlan;
use throughline_store::store::{Append, Environment};
use throughline_store::wal::disk::Disk;
use throughline_store::{Error, RecoveryReport, Replay, Store, StoreConfig, WalRecord};

/// 2026-01-01, so that partitions look like real ones.
const EPOCH_NS: i64 = 1_767_225_600_000_000_000;

/// Settings under which everything happens soon and on a small scale.
pub(crate) fn small(dir: &Path) -> StoreConfig {
    let mut config = StoreConfig::new(dir);
    config.wal.segment_bytes = 64 * 1024;
    config.wal.bytes_max = 64 * 1024 * 1024;
    config.wal.reserve_bytes = 256 * 1024;
    config.live.merge_interval = Duration::from_millis(20);
    config.flush.interval = Duration::from_secs(3600);
    // The rows are of a fixed day.
    config.retention.age_max = Duration::ZERO;
    config
}

/// A request of `count` rows numbered from `first`.
pub(crate) fn request(signal: Signal, first: u64, count: u64) -> Append {
    let mut raw = Vec::new();
    raw.extend_from_slice(&first.to_le_bytes());
    raw.extend_from_slice(&count.to_le_bytes());
    // Real requests are larger and do not end at a multiple of eight.
    raw.resize(16 + 97 * count as usize, 0x5a);
    Append {
        tenant: Tenant::default(),
        signal,
        encoding: 7,
        pipeline: "numbered".into(),
        received_ns: EPOCH_NS,
        batch: batch(signal, first, count),
        raw: raw.into(),
    }
}

/// Decodes what [`request`] made.
pub(crate) fn replay() -> Replay {
    Arc::new(|record: &WalRecord| {
        assert_eq!((record.encoding, record.pipeline.as_ref()), (7, "numbered"));
        let (first, count) = range(&record.raw);
        Ok(batch(record.signal, first, count))
    })
}

/// The numbers in a raw request.
pub(crate) fn range(raw: &Bytes) -> (u64, u64) {
    let number = |at: usize| u64::from_le_bytes(raw[at..at + 8].try_into().unwrap());
    (number(0), number(8))
}

fn batch(signal: Signal, first: u64, count: u64) -> RecordBatch {
    match signal {
        Signal::Traces => {
            let mut builder = SpanBatchBuilder::new();
            for number in first..first + count {
                builder.push(&span(number)).unwrap();
            }
            builder.finish().unwrap()
        }
        Signal::Logs => {
            let mut builder = LogBatchBuilder::new();
            for number in first..first + count {
                let body = Some(Value::String(number.to_string()));
                let time_ns = EPOCH_NS + number as i64 % 1_000_000;
                builder.push(&LogRecord { time_ns, body, ..LogRecord::default() }).unwrap();
            }
            builder.finish().unwrap()
        }
        Signal::Metrics => unreachable!(),
    }
}

fn span(number: u64) -> Span {
    Span {
        trace_id: TraceId((u128::from(number) / 4 + 1).to_be_bytes()),
        span_id: SpanId((number + 1).to_be_bytes()),
        name: format!("operation {}", number % 7),
        start_ns: EPOCH_NS + number as i64 % 1_000_000,
        duration_ns: 1_000,
        attributes: vec![("number".into(), Value::Int(number as i64))],
        ..Span::default()
    }
}

/// Every number the store has, with repetitions, in order.
pub(crate) fn numbers(store: &Store, signal: Signal) -> Vec<u64> {
    let view = store.view(&Tenant::default(), signal);
    let mut numbers = Vec::new();
    for batch in &view.batches {
        numbers.extend(numbers_in(signal, batch));
    }
    for entry in view.segments.table(signal, &Tenant::default()) {
        let reader = store.segments().open(entry).unwrap();
        let row_groups = (0..reader.row_groups().len()).collect();
        let plan = ReadPlan { row_groups, ..ReadPlan::default() };
        for batch in reader.read(&plan).unwrap() {
            numbers.extend(numbers_in(signal, &batch.unwrap()));
        }
    }
    numbers.sort_unstable();
    numbers
}

fn numbers_in(signal: Signal, batch: &RecordBatch) -> Vec<u64> {
    match signal {
        Signal::Traces => {
            let spans = rows::spans(batch).unwrap();
            spans.iter().map(|span| u64::from_be_bytes(span.span_id.0) - 1).collect()
        }
        Signal::Logs => {
            let number = |record: &LogRecord| match &record.body {
                Some(Value::String(text)) => text.parse().unwrap(),
                other => panic!("{other:?}"),
            };
            rows::logs(batch).unwrap().iter().map(number).collect()
        }
        Signal::Metrics => unreachable!(),
    }
}

/// Opens a store on the operating system's files.
pub(crate) async fn open(config: &StoreConfig) -> (Arc<Store>, RecoveryReport) {
    Store::open(config.clone(), replay()).await.unwrap()
}

/// Opens a store on a test's disk.
pub(crate) async fn open_on(
    config: &StoreConfig,
    disk: Arc<dyn Disk>,
) -> Result<(Arc<Store>, RecoveryReport), Error> {
    let environment = Environment { disk, clock: Arc::new(SystemClock) };
    Store::open_in(config.clone(), replay(), environment).await
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never so: {what}"));
}
