//! Rows that may be in a newest-first answer, until it is certain that nothing newer can come.

use super::request::Limit;
use crate::Error;
use hashbrown::HashSet;
use std::cmp::Reverse;

/// Most rows kept in memory to be put in order.
const PENDING_MAX: usize = 4_000_000;
/// Rows beyond the limit that are kept before the surplus is cut off.
const SLACK: usize = 4_096;

/// Where a row stands in the newest-first order.
pub(super) type Key = (Reverse<i64>, [u8; 16], [u8; 8]);

/// A row that passed the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: Key,
    /// Number of the source that has it, and of the row there.
    pub(super) source: u32,
    pub(super) row: u32,
}

/// The beginning of the answer as known so far.
#[derive(Debug)]
pub(super) struct Collector {
    limit: Limit,
    /// Whether rows with the same key are one row (spans sent twice).
    distinct: bool,
    pending: Vec<Candidate>,
    sorted: usize,
    /// Everything from this key on is beyond the limit.
    bound: Option<Key>,
    rows_sent: usize,
    traces_sent: HashSet<[u8; 16], ahash::RandomState>,
    cut_at: usize,
}

impl Collector {
    pub(super) fn new(limit: Limit, distinct: bool) -> Self {
        let cut_at = match limit {
            Limit::Rows(rows) => rows.saturating_mul(2).saturating_add(SLACK),
            Limit::Traces(traces) => traces.saturating_mul(64).saturating_add(SLACK),
            Limit::None => PENDING_MAX + 1,
        };
        Self {
            limit,
            distinct,
            pending: Vec::new(),
            sorted: 0,
            bound: None,
            rows_sent: 0,
            traces_sent: HashSet::default(),
            cut_at,
        }
    }

    /// Whether rows of this time are all beyond the limit.
    pub(super) fn is_beyond(&self, time_ns: i64) -> bool {
        self.bound.is_some_and(|bound| time_ns < bound.0.0)
    }

    pub(super) fn push(&mut self, candidate: Candidate) -> Result<(), Error> {
        if self.bound.is_some_and(|bound| candidate.key >= bound) {
            return Ok(());
        }
        self.pending.push(candidate);
        if self.pending.len() - self.sorted > self.cut_at {
            self.cut();
        }
        if self.pending.len() > PENDING_MAX {
            let message = format!("more than {PENDING_MAX} rows would have to be put in order at once");
            return Err(Error::limit("sorted_rows_max", message));
        }
        Ok(())
    }

    /// Sorts, removes repeats, and cuts off what is beyond the limit.
    pub(super) fn cut(&mut self) {
        if self.sorted == self.pending.len() {
            return;
        }
        self.pending.sort_unstable_by_key(|c| (c.key, c.source, c.row));
        if self.distinct {
            self.pending.dedup_by_key(|candidate| candidate.key);
        }
        match self.limit {
            Limit::None => {}
            Limit::Rows(rows) => {
                let rows = rows - self.rows_sent;
                if self.pending.len() >= rows {
                    self.pending.truncate(rows);
                    // With nothing pending the answer is complete: everything is beyond.
                    let everything = (Reverse(i64::MAX), [0; 16], [0; 8]);
                    self.bound = Some(self.pending.last().map_or(everything, |last| last.key));
                }
            }
            Limit::Traces(traces) => {
                let mut seen = self.traces_sent.clone();
                let one_more = |candidate: &Candidate| {
                    seen.insert(candidate.key.1);
                    seen.len() > traces
                };
                if let Some(at) = self.pending.iter().position(one_more) {
                    self.bound = self.pending.get(at).map(|first| first.key);
                    self.pending.truncate(at);
                }
            }
        }
        self.sorted = self.pending.len();
    }

    /// Takes the rows that nothing still to come can precede: those newer than `time_ns`, all for `None`.
    pub(super) fn take_newer(&mut self, time_ns: Option<i64>, at_least: usize) -> Vec<Candidate> {
        self.cut();
        let certain = match time_ns {
            Some(time_ns) => self.pending.partition_point(|candidate| candidate.key.0.0 > time_ns),
            None => self.pending.len(),
        };
        if certain == 0 || (certain < at_least && time_ns.is_some()) {
            return Vec::new();
        }
        let taken: Vec<Candidate> = self.pending.drain(..certain).collect();
        self.sorted = self.pending.len();
        self.rows_sent += taken.len();
        if matches!(self.limit, Limit::Traces(_)) {
            self.traces_sent.extend(taken.iter().map(|candidate| candidate.key.1));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(time: i64, trace: u8) -> Candidate {
        Candidate { key: (Reverse(time), [trace; 16], [0; 8]), source: 0, row: u32::try_from(time).unwrap() }
    }

    fn times(taken: &[Candidate]) -> Vec<i64> {
        taken.iter().map(|c| c.key.0.0).collect()
    }

    #[test]
    fn keeps_the_newest_rows_and_knows_when_older_ones_are_beyond() {
        let mut collector = Collector::new(Limit::Rows(2), true);
        for time in [5, 9, 7, 1] {
            collector.push(candidate(time, 1)).unwrap();
        }
        collector.cut();
        assert!(collector.is_beyond(6) && !collector.is_beyond(7));
        assert_eq!(times(&collector.take_newer(Some(8), 1)), [9]);
        assert_eq!(times(&collector.take_newer(None, 1)), [7]);
    }

    #[test]
    fn limits_traces_by_the_longest_beginning_that_holds_so_many() {
        let mut collector = Collector::new(Limit::Traces(2), true);
        for (time, trace) in [(9, 1), (8, 2), (7, 1), (6, 3), (5, 1)] {
            collector.push(candidate(time, trace)).unwrap();
        }
        assert_eq!(times(&collector.take_newer(None, 1)), [9, 8, 7]);
        assert!(collector.is_beyond(5));
    }

    #[test]
    fn a_row_that_comes_twice_is_given_once() {
        let mut collector = Collector::new(Limit::None, true);
        for time in [9, 8, 9] {
            collector.push(candidate(time, 1)).unwrap();
        }
        assert_eq!(times(&collector.take_newer(None, 1)), [9, 8]);
    }
}
