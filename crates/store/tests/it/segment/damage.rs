//! Damaged files: reported, set aside, survived; never a wrong row.

use std::fs;
use std::path::Path;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use throughline_model::{Signal, TraceId};
use throughline_store::ErrorKind;
use throughline_store::segment::SegmentReader;

use super::telemetry::{Telemetry, multiset};
use super::{Room, everything, read_all};

fn flip(path: &Path, bit: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

fn try_read(reader: &SegmentReader) -> Result<Vec<String>, ErrorKind> {
    let batches = reader.read(&everything(reader)).map_err(|error| error.kind())?;
    let batches: Vec<_> = batches.collect::<Result<_, _>>().map_err(|error| error.kind())?;
    Ok(multiset(Signal::Traces, &batches))
}

#[test]
fn a_flipped_bit_is_reported_and_survived() {
    let mut rng = SmallRng::seed_from_u64(17);
    let room = Room::new();
    let mut telemetry = Telemetry::new(21);
    let other = room.flush(Signal::Traces, &[telemetry.batch(Signal::Traces, 30)]);
    let rest = room.rows(Signal::Traces);
    for round in 0..150 {
        let entry = room.flush(Signal::Traces, &[telemetry.batch(Signal::Traces, 30)]);
        let intact = multiset(Signal::Traces, &read_all(&room.reader(&entry)));
        let path = room.path().join(&entry.path);
        // The first four bytes are a magic word that readers do not look at.
        flip(&path, rng.random_range(32..entry.tail_offset * 8));
        // The footer was read before the damage and is cached: the pages have checksums of their own.
        let outcome = match room.segments.open(&entry) {
            Ok(reader) => try_read(&reader),
            Err(error) => Err(error.kind()),
        };
        match outcome {
            // The flip hit a column without values, which is not read.
            Ok(rows) => assert_eq!(rows, intact, "round {round}: a damaged file gave other rows"),
            Err(kind) => {
                assert_eq!(kind, ErrorKind::Corrupt, "round {round}");
                assert!(room.catalog.snapshot().get(entry.id).is_none());
                assert!(!path.exists(), "round {round}: the file is still there");
                assert!(
                    room.segments.damage().0.iter().any(|damage| damage.id == entry.id && damage.rows == 30)
                );
            }
        }
        if room.catalog.snapshot().get(entry.id).is_some() {
            let change = throughline_store::catalog::Change { remove: vec![entry.id], ..Default::default() };
            let _ = room.catalog.commit(&change).unwrap();
        }
    }
    assert!(room.segments.damage().0.len() > 120, "{}", room.segments.damage().0.len());
    assert_eq!(room.rows(Signal::Traces), rest, "the others serve on");
    assert!(room.reader(&other).has_sidecar());
}

#[test]
fn a_new_reader_finds_a_flipped_bit_or_gives_the_right_rows() {
    let mut rng = SmallRng::seed_from_u64(18);
    let mut room = Room::new();
    let batch = Telemetry::new(22).batch(Signal::Traces, 30);
    let intact = multiset(Signal::Traces, [&batch]);
    let mut found = 0;
    for round in 0..60 {
        let entry = room.flush(Signal::Traces, std::slice::from_ref(&batch));
        let bit = rng.random_range(32..entry.bytes * 8);
        flip(&room.path().join(&entry.path), bit);
        room = room.reopen();
        match room.segments.open(&entry).map_err(|error| error.kind()).and_then(|reader| try_read(&reader)) {
            Err(kind) => {
                assert_eq!(kind, ErrorKind::Corrupt, "round {round}");
                found += 1;
            }
            // The flip hit a column without values, which is not read.
            Ok(rows) => {
                assert_eq!(rows, intact, "round {round}: bit {bit} of {} gave other rows", entry.bytes * 8)
            }
        }
    }
    assert!(found > 50, "{found}");
}

#[test]
fn a_damaged_sidecar_costs_speed_not_rows() {
    let mut rng = SmallRng::seed_from_u64(19);
    let mut room = Room::new();
    let batch = Telemetry::new(23).batch(Signal::Traces, 60);
    let mut damaged = 0;
    for round in 0..40 {
        let entry = room.flush(Signal::Traces, std::slice::from_ref(&batch));
        let reader = room.reader(&entry);
        let spans = throughline_model::rows::spans(&read_all(&reader)[0]).unwrap();
        let ids: Vec<TraceId> = spans.iter().map(|span| span.trace_id).collect();
        let intact = reader.traces(&ids).unwrap();
        let sidecar = room.path().join(entry.sidecar_path().unwrap());
        flip(&sidecar, rng.random_range(32..entry.sidecar_bytes * 8));
        room = room.reopen();
        let reader = room.reader(&entry);
        let found = reader.traces(&ids).unwrap();
        if found.is_some() {
            assert_eq!(found, intact, "round {round}");
            continue;
        }
        damaged += 1;
        assert_eq!(reader.row_groups_of_trace(ids[0]).unwrap(), [0]);
        assert!(!sidecar.exists());
        let found = std::sync::Arc::clone(room.catalog.snapshot().get(entry.id).unwrap());
        assert!(!room.reader(&found).has_sidecar());
    }
    assert!(damaged > 30, "{damaged}");
}

#[test]
fn a_cut_or_missing_file_is_found_at_start() {
    let room = Room::new();
    let mut telemetry = Telemetry::new(24);
    let entries: Vec<_> =
        (0..3).map(|_| room.flush(Signal::Logs, &[telemetry.batch(Signal::Logs, 30)])).collect();
    let cut = fs::OpenOptions::new().write(true).open(room.path().join(&entries[0].path)).unwrap();
    cut.set_len(entries[0].bytes - 1).unwrap();
    fs::remove_file(room.path().join(&entries[1].path)).unwrap();
    let room = room.reopen();
    let damaged: Vec<_> = room.report.damaged.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(damaged, [entries[0].path.clone(), entries[1].path.clone()]);
    assert_eq!(room.entries().iter().map(|entry| entry.id).collect::<Vec<_>>(), [entries[2].id]);
    assert_eq!(room.rows(Signal::Logs).len(), 30);
}

#[test]
fn a_file_that_goes_missing_is_reported_once() {
    let room = Room::new();
    let entry = room.flush(Signal::Logs, &[Telemetry::new(24).batch(Signal::Logs, 30)]);
    fs::remove_file(room.path().join(&entry.path)).unwrap();
    assert_eq!(room.segments.open(&entry).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(room.segments.open(&entry).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(room.segments.damage().0.len(), 1);
}
