//! A full or failing disk: requests are refused with a delay, reads go on, nothing acknowledged is lost, and it recovers by itself.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use throughline_model::Signal;
use throughline_store::fault::FaultDisk;
use throughline_store::{ErrorKind, Store, StoreConfig};

use crate::numbered::{eventually, numbers, open, open_on, request, small};

/// Appends until a request is refused; returns how many were accepted in all, and the refusal.
async fn fill(store: &Store, mut accepted: u64) -> (u64, throughline_store::Error) {
    loop {
        match store.append(request(Signal::Logs, accepted * 5, 5)).await {
            Ok(()) => accepted += 1,
            Err(error) => return (accepted, error),
        }
        assert!(accepted < 100_000, "never full");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_while_the_disk_is_full_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = small(dir.path());
    let disk = FaultDisk::new(1, &dir.path().join("scratch")).unwrap();
    let (store, _) = open_on(&config, Arc::new(disk.clone())).await.unwrap();
    store.append(request(Signal::Logs, 0, 5)).await.unwrap();

    disk.set_full(true);
    let (accepted, refusal) = fill(&store, 1).await;
    assert_eq!(refusal.kind(), ErrorKind::Unavailable);
    assert!(refusal.is_storage_full() && refusal.retry_after().is_some(), "{refusal:?}");
    let expected: Vec<u64> = (0..accepted * 5).collect();
    assert_eq!(numbers(&store, Signal::Logs), expected, "reads go on");

    // The reserve lets live data be flushed, and the flush makes room in the log.
    store.flush().await.unwrap();
    assert_eq!(numbers(&store, Signal::Logs), expected);
    assert_eq!(store.stats().logs.live_rows, 0);

    disk.set_full(false);
    let (after, _) = (accepted + 1, store.append(request(Signal::Logs, accepted * 5, 5)).await.unwrap());
    store.shutdown().await.unwrap();
    drop(store);
    let (store, report) = open(&config).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(numbers(&store, Signal::Logs), (0..after * 5).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_or_sync_refuses_its_requests_and_only_those() {
    for fail_after in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let config = small(dir.path());
        let disk = FaultDisk::new(fail_after, &dir.path().join("scratch")).unwrap();
        let (store, _) = open_on(&config, Arc::new(disk.clone())).await.unwrap();
        disk.fail_after(fail_after);
        let mut expected = Vec::new();
        let mut refused = 0;
        for index in 0..40 {
            match store.append(request(Signal::Traces, index * 5, 5)).await {
                Ok(()) => expected.extend(index * 5..index * 5 + 5),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                    refused += 1;
                }
            }
        }
        assert!(refused <= 1, "{refused}");
        assert_eq!(numbers(&store, Signal::Traces), expected);
        drop(store);
        let (store, report) = open(&config).await;
        assert!(report.is_clean() && report.records_lost == 0, "{report:?}");
        assert_eq!(numbers(&store, Signal::Traces), expected, "operation {fail_after} failed");
    }
}

/// A tmpfs of its own, where that is allowed.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(path: &'a Path, size: &str) -> Option<Self> {
        let options = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_a_small_file_system_that_fills_up() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(dir.path(), "6m") else {
        println!("cannot mount a tmpfs here: covered by the injected fault only");
        return;
    };
    let mut config: StoreConfig = small(dir.path());
    config.wal.segment_bytes = 256 * 1024;
    config.wal.reserve_bytes = 1024 * 1024;
    let ballast = dir.path().join("ballast");
    let (store, _) = open(&config).await;
    store.append(request(Signal::Logs, 0, 5)).await.unwrap();
    std::fs::write(&ballast, vec![1; 3 * 1024 * 1024]).unwrap();

    let (accepted, refusal) = fill(&store, 1).await;
    assert_eq!(refusal.kind(), ErrorKind::Unavailable);
    assert!(refusal.is_storage_full(), "{refusal:?}");
    let expected: Vec<u64> = (0..accepted * 5).collect();
    assert_eq!(numbers(&store, Signal::Logs), expected, "reads go on");

    // A start on a full disk finds everything and serves it.
    drop(store);
    let free = std::fs::File::create(dir.path().join("last bytes")).unwrap();
    while std::io::Write::write(&mut &free, &[1; 512]).is_ok() {}
    let (store, report) = open(&config).await;
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(numbers(&store, Signal::Logs), expected);
    std::fs::remove_file(dir.path().join("last bytes")).unwrap();

    // What was logged becomes a segment, which takes less, so there is room again even on the full file system.
    store.flush().await.unwrap();
    assert_eq!(numbers(&store, Signal::Logs), expected);
    let (more, _) = fill(&store, accepted).await;
    assert!(more > accepted, "the flush made room");

    std::fs::remove_file(&ballast).unwrap();
    eventually("a request is taken", || {
        let append = store.append(request(Signal::Logs, more * 5, 5));
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(append)).is_ok()
    })
    .await;
    drop(store);
    let (store, report) = open(&config).await;
    assert!(report.is_clean(), "{report:?}");
    let found = numbers(&store, Signal::Logs);
    assert_eq!(found, (0..(more + 1) * 5).collect::<Vec<_>>());
    store.shutdown().await.unwrap();
    drop(store);
}
