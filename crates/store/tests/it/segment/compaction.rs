//! Compaction: the same rows in fewer files, once.

use std::sync::Arc;

use proptest::prelude::{ProptestConfig, any, proptest};
use throughline_model::{Signal, Span, Tenant};
use throughline_store::catalog::{Change, Commit, FileEntry};
use throughline_store::compaction::{Job, Outcome, plan, run};
use throughline_store::config::CompactionConfig;

use super::telemetry::{NOON_NS, Telemetry, multiset, span_batch};
use super::{Room, read_all};

const HOUR_NS: i64 = 3_600_000_000_000;

fn job(room: &Room, signal: Signal) -> Job {
    let mut inputs: Vec<Arc<FileEntry>> = room.catalog.snapshot().table(signal, &Tenant::default()).to_vec();
    inputs.sort_by_key(|entry| entry.id);
    Job { signal, tenant: Tenant::default(), inputs }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compaction_keeps_every_row(seed in any::<u64>(), sizes in proptest::collection::vec(1..120_usize, 2..6)) {
        for signal in [Signal::Logs, Signal::Metrics] {
            let room = Room::new();
            let mut telemetry = Telemetry::new(seed);
            let batches: Vec<_> = sizes.iter().map(|size| telemetry.batch(signal, *size)).collect();
            batches.iter().for_each(|batch| drop(room.flush(signal, std::slice::from_ref(batch))));
            let outcome = run(&room.segments, &job(&room, signal), NOON_NS).unwrap();
            assert!(matches!(outcome, Outcome::Done { duplicates: 0, .. }));
            assert_eq!(room.entries().len(), 1);
            assert_eq!(room.rows(signal), multiset(signal, &batches));
        }
    }

    #[test]
    fn compaction_of_spans_equals_the_naive_model(seed in any::<u64>(), count in 2..200_usize, files in 2..6_usize) {
        let room = Room::new();
        let mut telemetry = Telemetry::new(seed);
        let spans: Vec<Span> = (0..count).map(|_| telemetry.span()).collect();
        // Each file has its share, and the first spans of the next one again.
        let share = count.div_ceil(files);
        let shares: Vec<&[Span]> = (0..count).step_by(share).map(|start| &spans[start..(start + share + 3).min(count)]).collect();
        shares.iter().for_each(|share| drop(room.flush(Signal::Traces, &[span_batch(share)])));
        let repeated = shares.iter().map(|share| share.len()).sum::<usize>() - count;
        let outcome = run(&room.segments, &job(&room, Signal::Traces), NOON_NS).unwrap();
        let Outcome::Done { id, rows, duplicates } = outcome else { panic!("{outcome:?}") };
        assert_eq!((rows as usize, duplicates as usize), (count, repeated));
        // The naive model: all rows, each once, written at once.
        let naive = Room::new();
        let expected = naive.flush(Signal::Traces, &[span_batch(&spans)]);
        let entry = Arc::clone(room.catalog.snapshot().get(id).unwrap());
        assert_eq!(room.rows(Signal::Traces), naive.rows(Signal::Traces));
        assert_eq!((entry.t_min, entry.t_max, &entry.services), (expected.t_min, expected.t_max, &expected.services));
        let ids: Vec<_> = spans.iter().map(|span| span.trace_id).collect();
        let strip = |mut traces: Vec<throughline_store::segment::TraceRow>| {
            // Rows that start at the same moment may change places, and with them their numbers and the root among equals.
            traces.iter_mut().for_each(|trace| { trace.rows.clear(); if let Some(root) = &mut trace.root { root.name.clear(); root.service.clear(); } });
            traces
        };
        let found = room.reader(&entry).traces(&ids).unwrap().unwrap();
        for trace in &found {
            let reader = room.reader(&entry);
            let batches: Vec<_> = reader.read(&reader.plan_rows(&trace.rows, None)).unwrap().map(Result::unwrap).collect();
            let of_trace: Vec<Span> = spans.iter().filter(|span| span.trace_id == trace.trace_id).cloned().collect();
            assert_eq!(multiset(Signal::Traces, &batches), multiset(Signal::Traces, [&span_batch(&of_trace)]));
        }
        assert_eq!(strip(found), strip(naive.reader(&expected).traces(&ids).unwrap().unwrap()));
    }
}

#[test]
fn what_was_compacted_serves_on_until_it_is_purged() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(8);
    let old: Vec<_> =
        (0..2).map(|_| room.flush(Signal::Traces, &[telemetry.batch(Signal::Traces, 50)])).collect();
    let reader = room.reader(&old[0]);
    run(&room.segments, &job(&room, Signal::Traces), NOON_NS).unwrap();
    assert_eq!(read_all(&reader).iter().map(|batch| batch.num_rows()).sum::<usize>(), 50);
    assert_eq!(read_all(&room.reader(&old[1])).iter().map(|batch| batch.num_rows()).sum::<usize>(), 50);
}

#[test]
fn loses_against_whoever_removed_an_input_first() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(8);
    (0..3).for_each(|_| drop(room.flush(Signal::Logs, &[telemetry.batch(Signal::Logs, 20)])));
    let job = job(&room, Signal::Logs);
    let change = Change { remove: vec![job.inputs[1].id], ..Change::default() };
    assert_eq!(room.catalog.commit(&change).unwrap(), Commit::Done);
    assert_eq!(run(&room.segments, &job, NOON_NS).unwrap(), Outcome::Skipped);
    assert_eq!(room.entries().len(), 2);
    let files = walk(&room).len();
    assert_eq!(files, 3, "the two that serve and the one that waits for its purge");
}

fn walk(room: &Room) -> Vec<std::path::PathBuf> {
    let partition = room.entries()[0].partition().to_owned();
    std::fs::read_dir(room.path().join(partition)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_damaged_input_is_set_aside_and_the_rest_compacted_next_time() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(8);
    let entries: Vec<_> =
        (0..3).map(|_| room.flush(Signal::Logs, &[telemetry.batch(Signal::Logs, 20)])).collect();
    let path = room.path().join(&entries[1].path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(run(&room.segments, &job(&room, Signal::Logs), NOON_NS).unwrap(), Outcome::Skipped);
    assert_eq!(room.segments.damage().0.len(), 1);
    assert!(matches!(
        run(&room.segments, &job(&room, Signal::Logs), NOON_NS).unwrap(),
        Outcome::Done { rows: 40, .. }
    ));
    assert!(room.reopen().report.damaged.is_empty(), "nothing is left over");
}

#[test]
fn plans_small_segments_of_an_hour_that_is_over_and_nothing_twice() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(8);
    (0..4).for_each(|_| drop(room.flush(Signal::Logs, &[telemetry.batch(Signal::Logs, 20)])));
    room.flush(Signal::Metrics, &[telemetry.batch(Signal::Metrics, 20)]);
    let config = CompactionConfig::default();
    assert_eq!(plan(&room.catalog.snapshot(), &config, NOON_NS), []);
    let later = NOON_NS + 2 * HOUR_NS;
    let jobs = plan(&room.catalog.snapshot(), &config, later);
    assert_eq!(
        jobs.iter().map(|job| (job.signal, job.inputs.len())).collect::<Vec<_>>(),
        [(Signal::Logs, 4)]
    );
    assert!(
        plan(&room.catalog.snapshot(), &CompactionConfig { enabled: false, ..config.clone() }, later)
            .is_empty()
    );
    run(&room.segments, &jobs[0], later).unwrap();
    assert_eq!(plan(&room.catalog.snapshot(), &config, later), []);
}
