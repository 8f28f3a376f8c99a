//! The log as a durable queue for exporters.

use std::time::Duration;

use throughline_model::Signal;
use throughline_store::wal::LogReader;

use crate::numbered::{eventually, open, range, request, small};

async fn next(reader: &mut LogReader) -> Option<(u64, u64)> {
    let record = tokio::time::timeout(Duration::from_secs(10), reader.next())
        .await
        .expect("a record in time")
        .unwrap();
    record.map(|record| (record.number, range(&record.raw).0))
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_in_order_from_where_it_committed_before_the_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    let (store, _) = open(&config).await;
    store.append(request(Signal::Logs, 900, 1)).await.unwrap();
    let mut reader = store.reader("otlp/backup").unwrap();
    for index in 0..300 {
        store.append(request(Signal::Logs, index, 5)).await.unwrap();
    }
    for index in 0..300 {
        let (number, first) = next(&mut reader).await.unwrap();
        assert_eq!(first, index, "starts with the request after its registration");
        if index == 199 {
            reader.committer().commit_through(number);
        }
    }
    store.shutdown().await.unwrap();
    assert_eq!(next(&mut reader).await, None);
    drop((store, reader));

    let (store, _) = open(&config).await;
    let mut reader = store.reader("otlp/backup").unwrap();
    store.append(request(Signal::Logs, 300, 5)).await.unwrap();
    for index in 200..=300 {
        assert_eq!(next(&mut reader).await.unwrap().1, index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_the_next_record_and_loses_none_when_the_wait_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&small(dir.path())).await;
    let mut reader = store.reader("a").unwrap();
    for index in 0..50 {
        assert!(tokio::time::timeout(Duration::from_millis(1), reader.next()).await.is_err());
        store.append(request(Signal::Traces, index, 1)).await.unwrap();
        // Dropped again and again while it reads.
        let first = loop {
            match tokio::time::timeout(Duration::from_micros(200), reader.next()).await {
                Ok(record) => break range(&record.unwrap().unwrap().raw).0,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(first, index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_log_for_readers_up_to_its_bound_and_counts_what_they_lose() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = small(dir.path());
    config.wal.bytes_max = 5 * config.wal.segment_bytes;
    let (store, _) = open(&config).await;
    let mut reader = store.reader("slow").unwrap();
    for index in 0..600 {
        store.append(request(Signal::Logs, index, 5)).await.unwrap();
        if index % 50 == 0 {
            store.flush().await.unwrap();
        }
    }
    let stats = store.stats();
    assert!(stats.wal.file_bytes <= config.wal.bytes_max, "{stats:?}");
    let slow = &stats.readers[0];
    assert!(slow.dropped_log_full > 0 && slow.lag_records > 0, "{slow:?}");
    assert_eq!(slow.dropped_log_full + slow.lag_records, 600);
    let (first, _) = next(&mut reader).await.unwrap();
    assert_eq!(first, slow.dropped_log_full + 1, "goes on with the oldest record kept");
    for number in first + 1..=600 {
        assert_eq!(next(&mut reader).await.unwrap().0, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_the_log_once_every_reader_has_passed_or_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&small(dir.path())).await;
    let (mut quick, _gone) = (store.reader("quick").unwrap(), store.reader("gone").unwrap());
    for index in 0..300 {
        store.append(request(Signal::Logs, index, 5)).await.unwrap();
    }
    store.flush().await.unwrap();
    let kept = store.stats().wal.files;
    assert!(kept > 2, "{kept}");
    let mut last = 0;
    for _ in 0..300 {
        last = next(&mut quick).await.unwrap().0;
    }
    quick.committer().commit_through(last);
    store.retain_readers(&["quick"]);
    eventually("the log is short", || store.stats().wal.files <= 1).await;
    assert_eq!(store.stats().readers.len(), 1);
}
