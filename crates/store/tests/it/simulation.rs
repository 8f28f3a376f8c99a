//! Crashes and power failures at every step of the store's work, on a disk that forgets what was not synced.
//!
//! `THROUGHLINE_SIMULATIONS` says how many lives (40), `THROUGHLINE_SEED` where they start.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use throughline_model::Signal;
use throughline_store::fault::{Crash, FaultDisk};
use throughline_store::wal::disk::Point;
use throughline_store::{Store, StoreConfig};

use crate::numbered::{eventually, numbers, open, open_on, request, small};

const SIGNALS: [Signal; 2] = [Signal::Traces, Signal::Logs];
const ROWS: u64 = 4;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// In memory where possible: the simulated disk needs no real syncs.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What was acknowledged, by signal.
type Acknowledged = Arc<Mutex<[BTreeSet<u64>; 2]>>;

/// Appends from several tasks until the disk crashes.
async fn load(store: &Arc<Store>, life: u64, acknowledged: &Acknowledged, requests: u64) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4_u64 {
        let (store, acknowledged) = (store.clone(), acknowledged.clone());
        writers.spawn(async move {
            let kind = (writer % 2) as usize;
            for turn in 0..requests {
                let first = (life << 32) | (writer << 24) | (turn * ROWS);
                if store.append(request(SIGNALS[kind], first, ROWS)).await.is_ok() {
                    acknowledged.lock()[kind].extend(first..first + ROWS);
                }
                if turn % 16 == writer {
                    // Fails after the crash.
                    store.flush().await.ok();
                }
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

fn check(store: &Store, acknowledged: &Acknowledged, story: &str) {
    for (signal, expected) in SIGNALS.into_iter().zip(acknowledged.lock().iter()) {
        let found = numbers(store, signal);
        let unique: BTreeSet<u64> = found.iter().copied().collect();
        let missing: Vec<_> = expected.difference(&unique).collect();
        assert!(
            missing.is_empty(),
            "{story}: acknowledged {signal} not found: {missing:?} {:?}",
            store.recovery()
        );
        assert_eq!(
            unique.len(),
            found.len(),
            "{story}: {signal} found more than once {:?}",
            store.recovery()
        );
    }
}

/// One life: opens, is loaded, crashes as `arm` says, and is opened again on a good disk.
async fn live(dir: &Path, seed: u64, acknowledged: &Acknowledged, story: &str, arm: impl FnOnce(&FaultDisk)) {
    let config: StoreConfig = small(dir);
    let disk = FaultDisk::new(seed, &dir.join("scratch")).unwrap();
    arm(&disk);
    // The crash may come while the store is opened.
    if let Ok((store, _)) = open_on(&config, Arc::new(disk.clone())).await {
        check(&store, acknowledged, &format!("{story}, opened"));
        load(&store, seed, acknowledged, 40).await;
    }
    if !disk.has_crashed() {
        disk.crash(Crash::PowerLoss).unwrap();
    }
    let (store, _) = open(&config).await;
    check(&store, acknowledged, story);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_what_it_acknowledged_over_crashes_anywhere() {
    let lives = setting("THROUGHLINE_SIMULATIONS", 40);
    let seed = setting("THROUGHLINE_SEED", rand::random::<u32>().into());
    println!("THROUGHLINE_SEED={seed} THROUGHLINE_SIMULATIONS={lives}");
    let mut dir = directory();
    let mut acknowledged = Acknowledged::default();
    for life in seed..seed + lives {
        if life % 8 == 0 {
            (dir, acknowledged) = (directory(), Acknowledged::default());
        }
        let mut random = StdRng::seed_from_u64(life);
        let crash = if random.random_bool(0.7) { Crash::PowerLoss } else { Crash::Kill };
        let after = random.random_range(0..250);
        let story = format!("life {life}: {crash:?} after {after} operations");
        live(dir.path(), life, &acknowledged, &story, |disk| disk.crash_after(after, crash)).await;
    }
    assert!(lives < 8 || !acknowledged.lock()[0].is_empty() || !acknowledged.lock()[1].is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_that_stops_at_any_point_neither_loses_nor_doubles_rows() {
    for crash in [Crash::Kill, Crash::PowerLoss] {
        let dir = directory();
        let acknowledged = Acknowledged::default();
        for (life, point) in Point::ALL.into_iter().enumerate() {
            let story = format!("{crash:?} at {point:?}");
            live(dir.path(), life as u64, &acknowledged, &story, |disk| disk.crash_at(point, crash)).await;
        }
        assert!(!acknowledged.lock()[0].is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relaxed_durability_survives_a_kill() {
    let dir = directory();
    let acknowledged = Acknowledged::default();
    let mut config = small(dir.path());
    config.durability = throughline_store::Durability::Relaxed;
    for life in 0..6 {
        let disk = FaultDisk::new(life, &dir.path().join("scratch")).unwrap();
        let (store, _) = open_on(&config, Arc::new(disk.clone())).await.unwrap();
        check(&store, &acknowledged, &format!("life {life}"));
        disk.crash_after(20 * life, Crash::Kill);
        load(&store, life, &acknowledged, 30).await;
    }
    let (store, _) = open(&config).await;
    check(&store, &acknowledged, "the last life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relaxed_durability_loses_at_most_its_window_to_a_power_failure() {
    for seed in 0..8 {
        let dir = directory();
        let mut config = small(dir.path());
        config.durability = throughline_store::Durability::Relaxed;
        config.wal.relaxed_window = Duration::from_millis(20);
        let disk = FaultDisk::new(seed, &dir.path().join("scratch")).unwrap();
        let (store, _) = open_on(&config, Arc::new(disk.clone())).await.unwrap();
        for index in 0..50 {
            store.append(request(Signal::Logs, index * ROWS, ROWS)).await.unwrap();
        }
        let syncs = store.stats().wal.syncs;
        store.append(request(Signal::Logs, 50 * ROWS, ROWS)).await.unwrap();
        eventually("the window is over", || store.stats().wal.syncs > syncs).await;
        disk.crash(Crash::PowerLoss).unwrap();
        drop(store);
        let (store, _) = open(&config).await;
        let found = numbers(&store, Signal::Logs);
        let synced: Vec<u64> = (0..50 * ROWS).collect();
        assert!(found.starts_with(&synced), "seed {seed}: {} rows of {}", found.len(), synced.len());
    }
}
