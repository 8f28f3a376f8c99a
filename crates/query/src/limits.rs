//! What one query may cost, and what it did cost.

use std::time::{Duration, Instant};

use throughline_store::scan::{Budget, ScanStats};

use crate::{Error, Result};

/// What one query may cost. What goes over a limit ends early, and its answer says that it is
/// not complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// How long a query may run.
    pub deadline: Duration,
    /// How many rows it may look at.
    pub rows_max: Option<u64>,
    /// How many bytes it may read.
    pub bytes_max: Option<u64>,
    /// How many traces a search may return.
    pub traces_max: usize,
    /// How many spans of each spanset a search may return.
    pub spans_max: usize,
    /// How many traces a search may load to look at them whole.
    pub candidates_max: usize,
    /// How many spans may be remembered to join children with their parents.
    pub joined_spans_max: usize,
    /// How many log records a search may return.
    pub logs_max: usize,
    /// How many names or values a list may have.
    pub values_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            rows_max: None,
            bytes_max: None,
            traces_max: 10_000,
            spans_max: 10_000,
            candidates_max: 100_000,
            joined_spans_max: 5_000_000,
            logs_max: 10_000,
            values_max: 100_000,
        }
    }
}

/// What a query did cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryStats {
    /// Spans, log records or metric points that were looked at.
    pub inspected_rows: u64,
    /// Bytes that were read: as stored of segments, in memory of live data.
    pub inspected_bytes: u64,
    /// Traces that were loaded and looked at whole.
    pub inspected_traces: u64,
    /// Segments in the time range.
    pub segments: u64,
    /// How many of them could be left alone.
    pub segments_pruned: u64,
    /// How long the query ran.
    pub elapsed: Duration,
}

/// Counts the cost of a query while it runs.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    started: Instant,
    stats: QueryStats,
    complete: bool,
}

impl Meter {
    pub(crate) fn start(limits: &Limits) -> Self {
        Self { limits: limits.clone(), started: Instant::now(), stats: QueryStats::default(), complete: true }
    }

    pub(crate) fn time_left(&self) -> Duration {
        self.limits.deadline.saturating_sub(self.started.elapsed())
    }

    /// What is left for the next scan.
    pub(crate) fn budget(&self) -> Budget {
        let left = |max: Option<u64>, used| max.map(|max| max.saturating_sub(used));
        Budget {
            deadline: Some(self.time_left()),
            rows_max: left(self.limits.rows_max, self.stats.inspected_rows),
            bytes_max: left(self.limits.bytes_max, self.stats.inspected_bytes),
        }
    }

    pub(crate) fn add_scan(&mut self, scan: ScanStats) {
        self.stats.inspected_rows += scan.rows;
        self.stats.inspected_bytes += scan.bytes;
        self.stats.segments += scan.segments;
        self.stats.segments_pruned += scan.segments_pruned;
        self.complete &= scan.segments_damaged == 0;
    }

    pub(crate) fn add_traces(&mut self, traces: usize, spans: usize) {
        self.stats.inspected_traces += traces as u64;
        self.stats.inspected_rows += spans as u64;
    }

    pub(crate) fn inspected_traces(&self) -> u64 {
        self.stats.inspected_traces
    }

    /// Something was left out.
    pub(crate) fn cut_short(&mut self) {
        self.complete = false;
    }

    /// Whether nothing was left out so far.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the answer is complete, and what it cost.
    pub(crate) fn finish(mut self) -> (bool, QueryStats) {
        self.stats.elapsed = self.started.elapsed();
        (self.complete, self.stats)
    }
}

/// Refuses a limit of a request that is zero or over a bound.
pub(crate) fn check_limit(what: &str, limit: usize, max: usize) -> Result<usize> {
    if limit == 0 || limit > max {
        return Err(Error::invalid(format!("{what} must be from 1 to {max}, not {limit}")));
    }
    Ok(limit)
}
