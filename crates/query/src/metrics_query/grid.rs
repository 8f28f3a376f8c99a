//! The intervals that samples stand for.
//!
//! As in Tempo: intervals are aligned to the step, one before the start of the query is added, an
//! interval ends with its timestamp and includes it. A query without step has one interval, from
//! its start to its end, both included.

use throughline_store::scan::TimeRange;

use crate::{Error, Result};

/// The most intervals that a query may ask for.
pub(super) const POINTS_MAX: i64 = 11_000;
const SECOND_NS: i64 = 1_000_000_000;

/// The intervals of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// First nanosecond that counts.
    first_ns: i64,
    /// Last nanosecond that counts.
    last_ns: i64,
    /// End of the interval before the first one.
    origin_ns: i64,
    step_ns: i64,
    points: usize,
}

impl Grid {
    /// The intervals for a time range, and a step unless there is to be one interval.
    pub(super) fn new(time: TimeRange, step_ns: Option<i64>) -> Result<Self> {
        let TimeRange { start_ns, end_ns } = time;
        if start_ns < 0 || end_ns <= start_ns {
            return Err(Error::invalid("the time range must end after it starts"));
        }
        let Some(step_ns) = step_ns else {
            let step_ns = end_ns - start_ns;
            return Ok(Self { first_ns: start_ns, last_ns: end_ns, origin_ns: start_ns, step_ns, points: 1 });
        };
        if step_ns <= 0 {
            return Err(Error::invalid("the step must be positive"));
        }
        let origin_ns = (start_ns - start_ns % step_ns).saturating_sub(step_ns).max(0);
        let over = end_ns % step_ns;
        let last_ns = if over == 0 { end_ns } else { end_ns.saturating_add(step_ns - over) };
        let points = (last_ns - origin_ns) / step_ns;
        if points > POINTS_MAX {
            let message = format!(
                "{points} intervals are more than {POINTS_MAX}: use a longer step or a shorter range"
            );
            return Err(Error::invalid(message));
        }
        let points = usize::try_from(points).unwrap_or_default();
        Ok(Self { first_ns: origin_ns.saturating_add(1), last_ns, origin_ns, step_ns, points })
    }

    /// When spans must start to count.
    pub(super) fn time(&self) -> TimeRange {
        TimeRange::new(self.first_ns, self.last_ns.saturating_add(1))
    }

    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// How long an interval is.
    #[allow(clippy::cast_precision_loss, reason = "nanoseconds of a step as seconds")]
    pub(super) fn seconds(&self) -> f64 {
        self.step_ns as f64 / SECOND_NS as f64
    }

    /// The interval that a time is in.
    pub(super) fn index(&self, time_ns: i64) -> Option<usize> {
        if time_ns < self.first_ns || time_ns > self.last_ns {
            return None;
        }
        let index = (time_ns - self.origin_ns - 1).max(0) / self.step_ns;
        usize::try_from(index).ok().filter(|index| *index < self.points)
    }

    /// The timestamp of an interval: its end.
    pub(super) fn time_of(&self, index: usize) -> i64 {
        let steps = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1);
        self.origin_ns.saturating_add(self.step_ns.saturating_mul(steps))
    }

    /// When spans of an interval start.
    pub(super) fn time_in(&self, index: usize) -> TimeRange {
        let end_ns = self.time_of(index);
        let start_ns = end_ns.saturating_sub(self.step_ns).saturating_add(1).max(self.first_ns);
        let start_ns = if index == 0 { self.first_ns } else { start_ns };
        TimeRange::new(start_ns, end_ns.min(self.last_ns).saturating_add(1))
    }

    /// Finds intervals of times that are often in the same one as the time before.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { grid: *self, after_ns: i64::MAX, until_ns: i64::MIN, index: 0 }
    }
}

/// Remembers the last interval found.
#[derive(Debug)]
pub(super) struct Cursor {
    grid: Grid,
    after_ns: i64,
    until_ns: i64,
    index: usize,
}

impl Cursor {
    pub(super) fn index(&mut self, time_ns: i64) -> Option<usize> {
        if self.after_ns < time_ns && time_ns <= self.until_ns {
            return Some(self.index);
        }
        self.index = self.grid.index(time_ns)?;
        self.until_ns = self.grid.time_of(self.index);
        self.after_ns = self.until_ns - self.grid.step_ns;
        Some(self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_includes_its_end_and_not_its_start() {
        let grid = Grid::new(TimeRange::new(105, 125), Some(10)).unwrap();
        assert_eq!(grid.points(), 4);
        assert_eq!((0..4).map(|index| grid.time_of(index)).collect::<Vec<_>>(), [100, 110, 120, 130]);
        let mut cursor = grid.cursor();
        for (time, index) in [
            (90, None),
            (91, Some(0)),
            (100, Some(0)),
            (101, Some(1)),
            (110, Some(1)),
            (130, Some(3)),
            (131, None),
        ] {
            assert_eq!(grid.index(time), index, "{time}");
            assert_eq!(cursor.index(time), index, "{time}");
        }
        assert_eq!(grid.time(), TimeRange::new(91, 131));
    }

    #[test]
    fn without_a_step_there_is_one_interval() {
        let grid = Grid::new(TimeRange::new(105, 125), None).unwrap();
        assert_eq!((grid.points(), grid.time_of(0)), (1, 125));
        assert_eq!([104, 105, 125, 126].map(|time| grid.index(time)), [None, Some(0), Some(0), None]);
    }

    #[test]
    fn refuses_too_many_intervals_and_ranges_that_run_backwards() {
        assert!(Grid::new(TimeRange::new(0, 1_000_000), Some(1)).is_err());
        assert!(Grid::new(TimeRange::new(10, 10), Some(1)).is_err());
        assert!(Grid::new(TimeRange::new(10, 20), Some(0)).is_err());
    }
}
