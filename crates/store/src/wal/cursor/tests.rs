use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;
use throughline_model::{Signal, Tenant};

use super::*;
use crate::wal::RequestParts;
use crate::wal::disk::OsDisk;
use crate::wal::record::Entry;

const SALT: u64 = 77;

fn entry(raw: Vec<u8>) -> Entry {
    let request = RequestParts {
        tenant: Tenant::default(),
        signal: Signal::Traces,
        encoding: 1,
        pipeline: Arc::from("traces"),
        received_ns: 5,
        raw: raw.into(),
    };
    Entry::new(request, usize::MAX).unwrap()
}

/// A file of these requests, numbered from 1, and where each record is.
fn file(raws: &[Vec<u8>]) -> (Vec<u8>, Vec<Range<usize>>) {
    let header = FileHeader { sequence: 3, first_number: 1, previous_end: 0, salt: SALT, created_ns: 0 };
    let mut bytes = header.encode();
    let mut places = Vec::new();
    for (raw, number) in raws.iter().zip(1..) {
        let start = bytes.len();
        entry(raw.clone()).encode(number, SALT, &mut bytes);
        places.push(start..bytes.len());
    }
    bytes.resize(bytes.len() + 1_000, 0);
    (bytes, places)
}

/// The numbers of the records that a cursor finds, the damage it reports, and how the file ends.
type Walk = (Vec<u64>, Vec<(u64, u64)>, (u64, bool));

fn walk(bytes: &[u8]) -> Walk {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let mut cursor = Cursor::open(&OsDisk, &path).unwrap().unwrap();
    let (mut numbers, mut damage) = (Vec::new(), Vec::new());
    loop {
        match cursor.step().unwrap() {
            Step::Record(record) => numbers.push(record.number),
            Step::Damage { offset, resume } => damage.push((offset, resume)),
            Step::End { offset, torn } => return (numbers, damage, (offset, torn)),
        }
    }
}

#[test]
fn a_record_that_holds_a_log_file_is_one_record() {
    let (inner, _) = file(&[vec![1; 100], vec![2; 100]]);
    let (bytes, places) = file(&[inner, vec![3]]);
    let (numbers, damage, end) = walk(&bytes);
    assert_eq!((numbers, damage, end), (vec![1, 2], vec![], (places[1].end as u64, false)));
}

#[test]
fn a_record_larger_than_the_window_is_read() {
    let (bytes, _) = file(&[vec![1; 3 * WINDOW_BYTES], vec![2; WINDOW_BYTES], vec![3]]);
    assert_eq!(walk(&bytes).0, [1, 2, 3]);
}

#[test]
fn records_of_an_earlier_use_of_the_file_are_not_read() {
    let (mut bytes, places) = file(&[vec![1; 60], vec![2; 60]]);
    let end = places[1].end;
    let mut stale = Vec::new();
    for number in 1..9 {
        entry(vec![9; 60]).encode(number, SALT + 1, &mut stale);
    }
    bytes.splice(end.., stale);
    assert_eq!(walk(&bytes), (vec![1, 2], vec![], (end as u64, false)));
}

#[test]
fn records_of_a_refused_group_are_not_read_again_by_their_numbers() {
    let (mut bytes, places) = file(&[vec![1; 60], vec![2; 60], vec![3; 60]]);
    let mut repeated = Vec::new();
    entry(vec![9; 60]).encode(2, SALT, &mut repeated);
    bytes.splice(places[2].clone(), repeated);
    assert_eq!(walk(&bytes).0, [1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_takes_the_records_it_touches_and_no_others(
        lengths in prop::collection::vec(0_usize..3_000, 1..12),
        at in any::<prop::sample::Index>(),
        len in 1_usize..600,
        byte in any::<u8>(),
    ) {
        let raws: Vec<Vec<u8>> = lengths.iter().map(|len| vec![0xee; *len]).collect();
        let (mut bytes, places) = file(&raws);
        let written = places.last().unwrap().end;
        let start = places[0].start + at.index(written - places[0].start);
        let end = (start + len).min(written);
        let before = bytes[start..end].to_vec();
        bytes[start..end].fill(byte);
        let is_padding = |at: usize, place: &Range<usize>, length: usize| at >= place.start + 40 + 9 + 6 + length;
        let survives = |index: usize| {
            let place = &places[index];
            let mut touched = (start..end).zip(&before).filter(|(at, was)| place.contains(at) && **was != byte);
            touched.all(|(at, _)| is_padding(at, place, lengths[index]))
        };
        let expected: Vec<u64> = (0..places.len()).filter(|index| survives(*index)).map(|index| index as u64 + 1).collect();
        let (numbers, damage, _) = walk(&bytes);
        prop_assert_eq!(&numbers, &expected);
        let is_in_the_middle = expected.last().is_some_and(|last| *last != expected.len() as u64);
        prop_assert_eq!(!damage.is_empty(), is_in_the_middle);
    }

    #[test]
    fn a_cut_file_gives_every_whole_record(lengths in prop::collection::vec(0_usize..3_000, 1..8), at in any::<prop::sample::Index>()) {
        let raws: Vec<Vec<u8>> = lengths.iter().map(|len| vec![0xee; *len]).collect();
        let (mut bytes, places) = file(&raws);
        let cut = places[0].start + at.index(places.last().unwrap().end - places[0].start);
        bytes.truncate(cut);
        let whole = places.iter().filter(|place| place.end <= cut).count() as u64;
        let (numbers, damage, _) = walk(&bytes);
        prop_assert_eq!(numbers, (1..=whole).collect::<Vec<_>>());
        prop_assert!(damage.is_empty());
    }
}
