use std::time::Duration;

use throughline_model::{LogBatchBuilder, LogRecord, Value, rows};

use super::*;

fn batch(bodies: std::ops::Range<i64>) -> RecordBatch {
    let mut builder = LogBatchBuilder::new();
    for body in bodies {
        builder
            .push(&LogRecord { time_ns: body, body: Some(Value::Int(body)), ..LogRecord::default() })
            .unwrap();
    }
    builder.finish().unwrap()
}

fn live(flush: FlushConfig) -> Live {
    Live::new(&LiveConfig::default(), &flush, 0)
}

fn push(live: &Live, tenant: &Tenant, bodies: std::ops::Range<i64>) {
    let batch = batch(bodies);
    live.reserve(&batch).unwrap();
    live.publish(tenant, Signal::Logs, batch);
}

fn times(batches: &[Arc<RecordBatch>]) -> Vec<i64> {
    let rows = batches.iter().flat_map(|batch| rows::logs(batch).unwrap());
    rows.map(|row| row.time_ns).collect()
}

fn snapshot(live: &Live, covered: u64) -> Vec<i64> {
    times(&live.snapshot(&Tenant::default(), Signal::Logs).not_covered(covered))
}

#[test]
fn rows_are_visible_at_once_and_only_to_their_tenant() {
    let live = live(FlushConfig::default());
    push(&live, &Tenant::default(), 0..3);
    push(&live, &Tenant::new("other").unwrap(), 3..5);
    assert_eq!(snapshot(&live, 0), [0, 1, 2]);
    assert_eq!(live.sizes().rows, [0, 5, 0]);
}

#[test]
fn a_snapshot_leaves_out_generations_that_the_catalog_covers() {
    let live = live(FlushConfig::default());
    push(&live, &Tenant::default(), 0..3);
    live.freeze(7);
    push(&live, &Tenant::default(), 3..5);
    assert_eq!(snapshot(&live, 0), [0, 1, 2, 3, 4]);
    assert_eq!(snapshot(&live, 7), [3, 4], "committed, not dropped yet");
    let early = live.snapshot(&Tenant::default(), Signal::Logs);
    live.drop_frozen();
    assert_eq!(snapshot(&live, 7), [3, 4]);
    assert_eq!(times(&early.not_covered(9)), Vec::<i64>::new(), "two flushes happened after the snapshot");
}

#[test]
fn one_generation_is_frozen_at_a_time() {
    let live = live(FlushConfig::default());
    push(&live, &Tenant::default(), 0..1);
    live.freeze(5);
    push(&live, &Tenant::default(), 1..2);
    live.freeze(6);
    let frozen = live.frozen().unwrap();
    assert_eq!((frozen.first_file, frozen.end_file), (0, 5));
    assert_eq!(live.active_rows(), 1);
    live.drop_frozen();
    live.freeze(6);
    let frozen = live.frozen().unwrap();
    assert_eq!((frozen.first_file, frozen.end_file), (5, 6));
}

#[test]
fn freezing_nothing_moves_the_boundary_only() {
    let live = live(FlushConfig::default());
    live.freeze(5);
    assert!(live.frozen().is_none());
    push(&live, &Tenant::default(), 0..1);
    assert_eq!(snapshot(&live, 5), [0]);
}

#[test]
fn merging_keeps_rows_in_order_and_memory_accounted() {
    let live = live(FlushConfig::default());
    for first in 0..200 {
        push(&live, &Tenant::default(), first * 10..first * 10 + 10);
        if first % 7 == 0 {
            live.merge().unwrap();
        }
    }
    while live.merge().unwrap() > 0 {}
    let batches = live.snapshot(&Tenant::default(), Signal::Logs).not_covered(0);
    assert!(batches.len() < 12, "{}", batches.len());
    assert_eq!(times(&batches), (0..2_000).collect::<Vec<_>>());
    let held: usize = batches.iter().map(|batch| batch.get_array_memory_size()).sum();
    assert_eq!(live.sizes().bytes, held);
    live.freeze(1);
    live.drop_frozen();
    assert_eq!(live.sizes().bytes, 0);
}

#[test]
fn a_merge_that_a_flush_overtook_changes_nothing() {
    let live = live(FlushConfig::default());
    push(&live, &Tenant::default(), 0..1);
    push(&live, &Tenant::default(), 1..2);
    let plan = live.state.read().active.merge_plan(1_000);
    live.freeze(1);
    push(&live, &Tenant::default(), 2..3);
    push(&live, &Tenant::default(), 3..4);
    let merged = Arc::new(batch(0..2));
    assert!(live.state.write().active.replace(&plan[0], merged).is_none());
    assert_eq!(snapshot(&live, 0), [0, 1, 2, 3]);
}

#[test]
fn refuses_what_does_not_fit_but_never_a_request_that_is_alone() {
    let one = batch(0..50).get_array_memory_size();
    let live = Live::new(
        &LiveConfig { bytes_max: one * 5 / 2, ..LiveConfig::default() },
        &FlushConfig::default(),
        0,
    );
    push(&live, &Tenant::default(), 0..50);
    push(&live, &Tenant::default(), 0..50);
    let refused = live.reserve(&batch(0..50)).unwrap_err();
    assert_eq!(refused.kind(), crate::ErrorKind::Overloaded);
    let tiny = Live::new(&LiveConfig { bytes_max: 1, ..LiveConfig::default() }, &FlushConfig::default(), 0);
    push(&tiny, &Tenant::default(), 0..50);
}

#[test]
fn a_flush_is_due_by_rows_by_bytes_and_by_age() {
    let by = |rows, bytes, interval| {
        let live = live(FlushConfig { rows, bytes, interval, shutdown_rows_max: 0 });
        push(&live, &Tenant::default(), 0..10);
        live.is_flush_due()
    };
    let never = Duration::from_secs(3600);
    assert!(!by(11, usize::MAX, never));
    assert!(by(10, usize::MAX, never));
    assert!(by(u64::MAX, 1, never));
    assert!(by(u64::MAX, usize::MAX, Duration::ZERO));
}
