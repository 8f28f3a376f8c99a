//! Damaged logs: what is intact is found, what is not is reported with its place.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use throughline_model::Signal;
use throughline_store::recovery::WalDamage;
use throughline_store::{ErrorKind, Store, StoreConfig};

use crate::numbered::{self, numbers, open, request, small};

/// The rows of `requests` requests of five rows, appended and left in the log.
async fn write(config: &StoreConfig, requests: u64) {
    let (store, _) = open(config).await;
    for index in 0..requests {
        store.append(request(Signal::Logs, index * 5, 5)).await.unwrap();
    }
    drop(store);
}

fn log_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("wal")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "wal")).collect();
    files.sort();
    files
}

/// Where the `n`-th record begins.
fn record_at(path: &Path, n: usize) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    let mut starts = (4_096..bytes.len()).step_by(8).filter(|at| bytes[*at..].starts_with(b"TLR1"));
    starts.nth(n).unwrap() as u64
}

fn flip(path: &Path, offset: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_back_what_was_not_flushed() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    write(&config, 400).await;
    assert!(log_files(dir.path()).len() > 2);
    let (store, report) = open(&config).await;
    assert_eq!((report.records, report.rows), (400, [0, 2_000, 0]));
    assert!(report.is_clean() && report.damages.is_empty(), "{report:?}");
    assert_eq!(numbers(&store, Signal::Logs), (0..2_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn tolerates_and_reports_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    write(&config, 10).await;
    let path = log_files(dir.path()).pop().unwrap();
    let offset = record_at(&path, 9);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0; 300], offset + 200).unwrap();
    let (store, report) = open(&config).await;
    assert_eq!(report.damages, [WalDamage::TornTail { path, offset }]);
    assert!(report.is_clean());
    assert_eq!(numbers(&store, Signal::Logs), (0..45).collect::<Vec<_>>());
    // The log goes on in a new file, and the torn one is no damage the next time.
    store.append(request(Signal::Logs, 100, 1)).await.unwrap();
    drop(store);
    let (store, report) = open(&config).await;
    assert_eq!((report.damages, report.records_lost), (vec![], 0));
    assert_eq!(numbers(&store, Signal::Logs), (0..45).chain([100]).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn skips_a_flipped_bit_to_the_next_intact_record_and_says_where() {
    for within in [2, 12, 20, 33, 90, 200] {
        let dir = tempfile::tempdir().unwrap();
        let config = small(dir.path());
        write(&config, 10).await;
        let path = log_files(dir.path()).pop().unwrap();
        let (offset, next) = (record_at(&path, 4), record_at(&path, 5));
        flip(&path, offset + within);
        let (store, report) = open(&config).await;
        assert_eq!(
            report.damages,
            [WalDamage::Corrupt { path, offset, bytes: next - offset }],
            "byte {within}"
        );
        assert_eq!(report.records_lost, 1);
        assert!(!report.is_clean());
        assert_eq!(numbers(&store, Signal::Logs), (0..20).chain(25..50).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_a_damaged_last_record_of_a_file_that_others_follow() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    write(&config, 200).await;
    let files = log_files(dir.path());
    assert!(files.len() > 1);
    let bytes = std::fs::read(&files[0]).unwrap();
    let last = (4_096..bytes.len()).step_by(8).rfind(|at| bytes[*at..].starts_with(b"TLR1")).unwrap();
    flip(&files[0], last as u64 + 3);
    let (store, report) = open(&config).await;
    let [WalDamage::Corrupt { path, offset, .. }] = report.damages.as_slice() else { panic!("{report:?}") };
    assert_eq!((path, *offset), (&files[0], last as u64));
    assert_eq!(report.records_lost, 1);
    assert_eq!(numbers(&store, Signal::Logs).len(), 995);
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_a_file_without_intact_header_aside_and_reads_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    write(&config, 300).await;
    let files = log_files(dir.path());
    assert!(files.len() > 2);
    flip(&files[1], 20);
    let (store, report) = open(&config).await;
    assert!(report.damages.is_empty(), "the second copy of the header serves: {report:?}");
    drop(store);
    flip(&files[1], 2_048 + 20);
    let (_store, report) = open(&config).await;
    assert!(report.damages.contains(&WalDamage::UnreadableFile { path: files[1].clone() }), "{report:?}");
    assert!(report.records_lost > 0 && report.records + report.records_lost == 300, "{report:?}");
    assert!(dir.path().join("quarantine").join(files[1].file_name().unwrap()).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_bytes_of_a_request_that_cannot_be_decoded_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    write(&config, 3).await;
    let replay = numbered::replay();
    let picky: throughline_store::Replay = Arc::new(move |record| match record.number {
        2 => Err("no such pipeline".to_owned()),
        _ => replay(record),
    });
    let (store, report) = Store::open(config, picky).await.unwrap();
    assert_eq!((report.records, report.records_undecodable), (2, 1));
    let kept = std::fs::read(&report.undecodable[0].kept).unwrap();
    assert_eq!(numbered::range(&kept.into()), (5, 5));
    assert_eq!(numbers(&store, Signal::Logs), [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
}

#[tokio::test(flavor = "multi_thread")]
async fn flushes_move_rows_and_lose_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    let (store, _) = open(&config).await;
    for index in 0..60 {
        store.append(request(Signal::Traces, index * 5, 5)).await.unwrap();
        if index % 20 == 10 {
            store.flush().await.unwrap();
        }
        assert_eq!(numbers(&store, Signal::Traces), (0..(index + 1) * 5).collect::<Vec<_>>());
    }
    assert_eq!(store.stats().flush.flushes, 3);
    let report = store.shutdown().await.unwrap();
    assert_eq!((report.rows_in_log, report.flush_error), (0, None));
    drop(store);
    let (store, report) = open(&config).await;
    assert_eq!(report.records, 0);
    assert_eq!(numbers(&store, Signal::Traces), (0..300).collect::<Vec<_>>());
    assert_eq!(store.stats().spans.rows, 300);
    assert!(log_files(dir.path()).len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_requests_after_a_shutdown_and_a_second_owner_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    let (store, _) = open(&config).await;
    let second = Store::open(config, numbered::replay()).await.unwrap_err();
    assert_eq!(second.kind(), ErrorKind::Unavailable);
    store.shutdown().await.unwrap();
    let late = store.append(request(Signal::Logs, 0, 1)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn sheds_load_when_live_data_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = small(dir.path());
    config.live.bytes_max = 64 * 1024;
    config.flush.bytes = usize::MAX;
    let (store, _) = open(&config).await;
    let mut accepted = 0;
    let refusal = loop {
        match store.append(request(Signal::Logs, accepted * 5, 5)).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refusal.kind(), ErrorKind::Overloaded);
    assert!(refusal.retry_after().is_some() && accepted > 0);
    store.flush().await.unwrap();
    store.append(request(Signal::Logs, accepted * 5, 5)).await.unwrap();
    assert_eq!(numbers(&store, Signal::Logs).len() as u64, (accepted + 1) * 5);
    assert_eq!(store.stats().wal.refused_overloaded, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_is_flushed_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = small(dir.path());
    config.wal.bytes_max = 3 * config.wal.segment_bytes;
    let (store, _) = open(&config).await;
    let mut refused = 0;
    for index in 0..600 {
        loop {
            let flushes = store.stats().flush.flushes;
            let Err(error) = store.append(request(Signal::Logs, index * 5, 5)).await else { break };
            assert_eq!(error.kind(), ErrorKind::Overloaded, "{error:?}");
            refused += 1;
            numbered::eventually("a flush", || store.stats().flush.flushes > flushes).await;
        }
    }
    let stats = store.stats();
    assert!(refused > 0, "{stats:?}");
    assert!(stats.wal.file_bytes <= config.wal.bytes_max, "{stats:?}");
    assert_eq!(numbers(&store, Signal::Logs), (0..3_000).collect::<Vec<_>>());
}
