//! The catalog: atomic changes, rebuilding, leftovers of crashes.

use std::fs;

use throughline_model::{Signal, Tenant};
use throughline_store::catalog::{Change, Commit, FileId};
use throughline_store::compaction::{Job, run};
use throughline_store::segment::write;

use super::Room;
use super::telemetry::{NOON_NS, Telemetry};

fn filled() -> Room {
    let room = Room::new();
    let mut telemetry = Telemetry::new(11);
    for signal in Signal::ALL {
        for _ in 0..3 {
            let batch = telemetry.batch(signal, 40);
            room.flush(signal, &[batch]);
        }
    }
    room
}

fn lose_catalog(room: &Room) {
    for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        fs::remove_file(room.path().join(name)).ok();
    }
}

#[test]
fn a_lost_catalog_is_rebuilt_from_the_segments() {
    let room = filled();
    let inputs: Vec<_> = room.catalog.snapshot().table(Signal::Traces, &Tenant::default()).to_vec();
    let job = Job { signal: Signal::Traces, tenant: Tenant::default(), inputs };
    run(&room.segments, &job, NOON_NS).unwrap();
    let before = room.entries();
    let rows: Vec<_> = Signal::ALL.map(|signal| room.rows(signal)).into();
    lose_catalog(&room);
    let room = room.reopen();
    assert_eq!(room.report.rebuilt.as_deref(), Some("the catalog was missing"));
    assert_eq!(room.entries(), before);
    assert_eq!(Signal::ALL.map(|signal| room.rows(signal)).to_vec(), rows);
    assert_eq!(room.catalog.wal_covered(), 0);
    assert_eq!(room.catalog.covered(Signal::Logs, &Tenant::default()).unwrap(), 3);
    assert!(room.catalog.next_id() > before.last().unwrap().id);
}

#[test]
fn a_damaged_catalog_is_kept_aside_and_rebuilt() {
    for damage in [&b"this is no database, whatever its name says"[..], &[0; 8_192]] {
        let room = filled();
        let before = room.entries();
        lose_catalog(&room);
        fs::write(room.path().join("catalog.sqlite"), damage).unwrap();
        let room = room.reopen();
        assert!(room.report.rebuilt.is_some());
        assert_eq!(room.entries(), before);
    }
}

#[test]
fn the_catalog_survives_reopening() {
    let room = filled();
    let before = room.entries();
    let room = room.reopen();
    assert_eq!((room.entries(), room.report.segments), (before, 9));
    assert_eq!((room.report.rebuilt.clone(), room.report.leftovers), (None, 0));
    assert_eq!(room.catalog.wal_covered(), 3);
}

#[test]
fn a_change_whose_segments_are_gone_is_lost_as_a_whole() {
    let room = filled();
    let before = room.entries();
    let gone = before[0].id;
    let change = Change { remove: vec![gone], ..Change::default() };
    assert_eq!(room.catalog.commit(&change).unwrap(), Commit::Done);
    let written =
        write(&room.target(Signal::Logs, 0), &[Telemetry::new(2).batch(Signal::Logs, 5)]).unwrap().unwrap();
    let change = Change { add: vec![written.entry], remove: vec![before[1].id, gone], ..Change::default() };
    assert_eq!(room.catalog.commit(&change).unwrap(), Commit::Lost);
    assert_eq!(room.entries(), before[1..]);
    assert_eq!(room.reopen().entries(), before[1..]);
}

#[test]
fn what_a_crash_left_behind_is_removed_at_the_next_start() {
    let room = filled();
    let before = room.entries();
    let mut target = room.target(Signal::Logs, NOON_NS);
    target.wal_position = 9;
    let uncommitted = write(&target, &[Telemetry::new(3).batch(Signal::Logs, 5)]).unwrap().unwrap().entry;
    let mut target = room.target(Signal::Traces, NOON_NS);
    target.replaces = vec![before[0].id, before[1].id];
    let compacted = write(&target, &[Telemetry::new(3).batch(Signal::Traces, 5)]).unwrap().unwrap().entry;
    let temporary = room.path().join(compacted.partition()).join("00000000000000ff.parquet.tmp");
    fs::write(&temporary, b"half a segment").unwrap();
    let room = room.reopen();
    assert_eq!(room.report.leftovers, 3);
    for path in [uncommitted.path, compacted.sidecar_path().unwrap(), compacted.path] {
        assert!(!room.path().join(&path).exists(), "{}", path.display());
    }
    assert!(!temporary.exists());
    assert_eq!(room.entries(), before);
    assert!(room.catalog.next_id() > FileId(10));
}

#[test]
fn an_unknown_segment_is_moved_away_not_deleted() {
    let room = filled();
    let target = room.target(Signal::Logs, NOON_NS);
    let unknown = write(&target, &[Telemetry::new(3).batch(Signal::Logs, 5)]).unwrap().unwrap().entry;
    let room = room.reopen();
    assert_eq!(room.report.damaged.len(), 1);
    assert!(!room.path().join(&unknown.path).exists());
    assert_eq!(fs::read_dir(room.path().join("quarantine")).unwrap().count(), 1);
}

#[test]
fn a_newer_catalog_is_refused_not_rebuilt() {
    let room = filled();
    let path = room.path().join("catalog.sqlite");
    let Room { directory, catalog, segments, .. } = room;
    drop((catalog, segments));
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = throughline_store::catalog::Catalog::open(directory.path(), 0).unwrap_err();
    assert_eq!(error.kind(), throughline_store::ErrorKind::Invalid);
}
