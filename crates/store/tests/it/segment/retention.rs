//! Retention: whole segments go, by age and by size, and their files some time later.

use std::time::Duration;

use throughline_model::Signal;
use throughline_store::config::RetentionConfig;
use throughline_store::retention::{plan, purge, run};

use super::Room;
use super::telemetry::{NOON_NS, Telemetry};

const HOUR_NS: i64 = 3_600_000_000_000;

fn config(hours: u64, bytes_max: u64) -> RetentionConfig {
    RetentionConfig { age_max: Duration::from_secs(hours * 3_600), bytes_max, ..RetentionConfig::default() }
}

#[test]
fn drops_what_is_older_than_the_limit() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(1);
    let old = room.flush(Signal::Logs, &[telemetry.batch(Signal::Logs, 10)]);
    let now = old.t_max + 5 * HOUR_NS;
    assert_eq!(run(&room.catalog, &config(6, 0), now).unwrap().segments, 0);
    assert_eq!(run(&room.catalog, &config(0, 0), now).unwrap().segments, 0, "zero keeps for ever");
    let dropped = run(&room.catalog, &config(4, 0), now).unwrap();
    assert_eq!((dropped.segments, dropped.rows, dropped.bytes), (1, 10, old.total_bytes()));
    assert!(room.entries().is_empty());
}

#[test]
fn a_row_from_the_future_does_not_keep_a_segment_for_ever() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(1);
    let created_ns = NOON_NS - 100 * HOUR_NS;
    let old = room.flush_at(Signal::Logs, &[telemetry.batch(Signal::Logs, 10)], created_ns);
    assert!(old.t_max > created_ns);
    assert_eq!(run(&room.catalog, &config(24, 0), NOON_NS).unwrap().segments, 1);
}

#[test]
fn drops_the_oldest_when_all_together_are_too_large() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(1);
    let mut at = |hours: i64| {
        room.flush_at(Signal::Logs, &[telemetry.batch(Signal::Logs, 10)], NOON_NS - hours * HOUR_NS)
    };
    let (middle, oldest, newest) = (at(2), at(3), at(1));
    let both = middle.total_bytes() + newest.total_bytes();
    let drop = plan(&room.catalog.snapshot(), &config(0, both), NOON_NS);
    assert_eq!((drop.by_age, drop.by_bytes), (vec![], vec![oldest.id]));
    assert_eq!(run(&room.catalog, &config(0, both - 1), NOON_NS).unwrap().segments, 2);
    assert_eq!(room.entries().iter().map(|entry| entry.id).collect::<Vec<_>>(), [newest.id]);
}

#[test]
fn files_are_deleted_after_the_grace_period_even_if_a_crash_came_between() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(1);
    let old = room.flush(Signal::Traces, &[telemetry.batch(Signal::Traces, 10)]);
    let now = old.t_max + 50 * HOUR_NS;
    run(&room.catalog, &config(1, 0), now).unwrap();
    let grace = Duration::from_secs(60);
    assert_eq!(purge(&room.segments, grace, now + 59_000_000_000).unwrap(), 0);
    let room = room.reopen();
    assert_eq!(room.report.leftovers + room.report.damaged.len(), 0);
    assert!(room.path().join(&old.path).exists());
    assert_eq!(purge(&room.segments, grace, now + 61_000_000_000).unwrap(), 1);
    assert!(!room.path().join(old.partition()).exists());
    assert_eq!(purge(&room.segments, grace, now + 61_000_000_000).unwrap(), 0);
}
