//! What was written comes back equal.

use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use throughline_model::{Signal, rows};

use super::telemetry::{Telemetry, multiset, span_batch};
use super::{Room, read_all};

fn comes_back_equal(signal: Signal, seed: u64, sizes: &[usize]) {
    let room = Room::new();
    let mut telemetry = Telemetry::new(seed);
    let batches: Vec<_> = sizes.iter().map(|size| telemetry.batch(signal, *size)).collect();
    let entry = room.flush(signal, &batches);
    let reader = room.reader(&entry);
    let back = read_all(&reader);
    assert_eq!(multiset(signal, &back), multiset(signal, &batches));
    let times: Vec<i64> = back
        .iter()
        .flat_map(|batch| match signal {
            Signal::Traces => {
                rows::spans(batch).unwrap().iter().map(|span| span.start_ns).collect::<Vec<_>>()
            }
            Signal::Logs => rows::logs(batch).unwrap().iter().map(|log| log.time_ns).collect(),
            Signal::Metrics => rows::points(batch).unwrap().iter().map(|point| point.time_ns).collect(),
        })
        .collect();
    assert_eq!((entry.t_min, entry.t_max), (*times.iter().min().unwrap(), *times.iter().max().unwrap()));
    assert_eq!(entry.rows as usize, times.len());
    assert_eq!(entry.bytes, std::fs::metadata(room.path().join(&entry.path)).unwrap().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_come_back_equal(seed in any::<u64>(), first in 1..200_usize, second in 0..60_usize) {
        comes_back_equal(Signal::Traces, seed, &[first, second, 1]);
    }

    #[test]
    fn log_records_come_back_equal(seed in any::<u64>(), first in 1..200_usize, second in 0..60_usize) {
        comes_back_equal(Signal::Logs, seed, &[first, second, 1]);
    }

    #[test]
    fn metric_points_come_back_equal(seed in any::<u64>(), first in 1..200_usize, second in 0..60_usize) {
        comes_back_equal(Signal::Metrics, seed, &[first, second, 1]);
    }

    #[test]
    fn rows_are_in_segment_order(seed in any::<u64>(), count in 1..200_usize) {
        let room = Room::new();
        let mut telemetry = Telemetry::new(seed);
        let spans = room.flush(Signal::Traces, &[telemetry.batch(Signal::Traces, count)]);
        let keys: Vec<(String, i64)> = read_all(&room.reader(&spans)).iter().flat_map(|batch| rows::spans(batch).unwrap())
            .map(|span| (span.resource.service_name().to_owned(), span.start_ns)).collect();
        prop_assert_eq!(keys.is_sorted(), true);
        let points = room.flush(Signal::Metrics, &[telemetry.batch(Signal::Metrics, count)]);
        let keys: Vec<(String, String)> = read_all(&room.reader(&points)).iter().flat_map(|batch| rows::points(batch).unwrap())
            .map(|point| (point.resource.service_name().to_owned(), point.name)).collect();
        prop_assert_eq!(keys.is_sorted(), true);
    }
}

#[test]
fn keeps_a_span_that_was_sent_twice_once_and_counts_it() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(1);
    let spans: Vec<_> = (0..50).map(|_| telemetry.span()).collect();
    let again = span_batch(&spans[10..17]);
    let first = span_batch(&spans);
    let target = room.target(Signal::Traces, 0);
    let written = throughline_store::segment::write(&target, &[first.clone(), again]).unwrap().unwrap();
    assert_eq!((written.duplicates, written.entry.rows), (7, 50));
    let change = throughline_store::catalog::Change { add: vec![written.entry], ..Default::default() };
    assert_eq!(room.catalog.commit(&change).unwrap(), throughline_store::catalog::Commit::Done);
    assert_eq!(room.rows(Signal::Traces), multiset(Signal::Traces, [&first]));
}

#[test]
fn no_rows_make_no_segment() {
    let room = Room::new();
    assert!(throughline_store::segment::write(&room.target(Signal::Logs, 0), &[]).unwrap().is_none());
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let room = Room::new();
    let batch = Telemetry::new(6).batch(Signal::Traces, 20);
    let entry = room.flush(Signal::Traces, std::slice::from_ref(&batch));
    let target = room.target(Signal::Traces, entry.created_ns);
    let partition = room.path().join(entry.partition());
    // Something is in the way of the last step.
    std::fs::create_dir(partition.join(format!("{}.parquet", target.id))).unwrap();
    throughline_store::segment::write(&target, &[batch]).unwrap_err();
    let names =
        std::fs::read_dir(partition).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.ends_with(".tmp")).collect::<Vec<_>>(), Vec::<String>::new());
}
