//! The rows between two flushes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use throughline_model::{Signal, Tenant};

type TableKey = (Tenant, Signal);

/// The rows of one table that are not in segments, as they were when it was taken.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    generations: Vec<(u64, Vec<Arc<RecordBatch>>)>,
}

impl Snapshot {
    pub(crate) fn add(&mut self, first_file: u64, batches: Vec<Arc<RecordBatch>>) {
        if !batches.is_empty() {
            self.generations.push((first_file, batches));
        }
    }

    /// The batches whose rows are not in segments, given that all log files before `covered` are.
    ///
    /// A flush takes whole generations, so one that begins before `covered` is covered as a whole.
    #[must_use]
    pub fn not_covered(self, covered: u64) -> Vec<Arc<RecordBatch>> {
        let rest = self.generations.into_iter().filter(|(first_file, _)| *first_file >= covered);
        rest.flat_map(|(_, batches)| batches).collect()
    }
}

/// The generation that takes new rows.
#[derive(Debug)]
pub(crate) struct Generation {
    first_file: u64,
    tables: HashMap<TableKey, Vec<Held>>,
    rows: [u64; 3],
    bytes: usize,
    oldest: Option<Instant>,
}

/// A batch and what it weighs.
#[derive(Debug, Clone)]
struct Held {
    batch: Arc<RecordBatch>,
    bytes: usize,
}

/// A generation that takes no more rows and waits for its flush.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// The first log file it may hold rows of.
    pub(crate) first_file: u64,
    /// The first log file after it.
    pub(crate) end_file: u64,
    /// Its memory.
    pub(crate) bytes: usize,
    /// Its rows.
    pub(crate) rows_by_signal: [u64; 3],
    /// Its tables, in order.
    pub(crate) tables: Vec<(TableKey, Vec<Arc<RecordBatch>>)>,
}

/// Neighbouring batches to be merged into one.
#[derive(Debug)]
pub(crate) struct Run {
    tenant: Tenant,
    pub(crate) signal: Signal,
    at: usize,
    pub(crate) batches: Vec<Arc<RecordBatch>>,
}

/// How a merge changed the memory held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

impl Generation {
    pub(crate) fn new(first_file: u64) -> Self {
        Self { first_file, tables: HashMap::new(), rows: [0; 3], bytes: 0, oldest: None }
    }

    pub(crate) fn first_file(&self) -> u64 {
        self.first_file
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows.iter().sum()
    }

    pub(crate) fn rows_by_signal(&self) -> [u64; 3] {
        self.rows
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When its first row came.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.oldest
    }

    pub(crate) fn push(&mut self, tenant: &Tenant, signal: Signal, batch: RecordBatch) {
        let bytes = batch.get_array_memory_size();
        self.bytes += bytes;
        if let Some(rows) = self.rows.get_mut(signal_index(signal)) {
            *rows += batch.num_rows() as u64;
        }
        self.oldest.get_or_insert_with(Instant::now);
        self.tables.entry((tenant.clone(), signal)).or_default().push(Held { batch: Arc::new(batch), bytes });
    }

    pub(crate) fn batches(&self, tenant: &Tenant, signal: Signal) -> Vec<Arc<RecordBatch>> {
        let table = self.tables.get(&(tenant.clone(), signal));
        table.map(|table| table.iter().map(|held| held.batch.clone()).collect()).unwrap_or_default()
    }

    /// Runs of small batches worth merging. Batches of half of `rows_max` are left alone, so a row of a busy table is copied
    /// about once; in a quiet one, whose newest batches are fewer, about as often as its size doubles.
    pub(crate) fn merge_plan(&self, rows_max: usize) -> Vec<Run> {
        let mut runs = Vec::new();
        for ((tenant, signal), table) in &self.tables {
            let rows: Vec<usize> = table.iter().map(|held| held.batch.num_rows()).collect();
            for range in merge_ranges(&rows, rows_max) {
                let at = range.start;
                let batches =
                    table.iter().skip(at).take(range.len()).map(|held| held.batch.clone()).collect();
                runs.push(Run { tenant: tenant.clone(), signal: *signal, at, batches });
            }
        }
        // From the end, so that a run's place is not moved by the ones before it.
        runs.reverse();
        runs
    }

    /// Puts a merged batch in the place of its parts. None when they are not there any more (a flush took them).
    pub(crate) fn replace(&mut self, run: &Run, merged: Arc<RecordBatch>) -> Option<Change> {
        let table = self.tables.get_mut(&(run.tenant.clone(), run.signal))?;
        let end = run.at + run.batches.len();
        let parts = table.get(run.at..end)?;
        let same = parts.iter().zip(&run.batches).all(|(held, batch)| Arc::ptr_eq(&held.batch, batch));
        if !same {
            return None;
        }
        let removed = parts.iter().map(|held| held.bytes).sum();
        let added = merged.get_array_memory_size();
        table.splice(run.at..end, [Held { batch: merged, bytes: added }]);
        self.bytes = self.bytes + added - removed;
        Some(Change { added, removed })
    }

    pub(crate) fn freeze(self, end_file: u64) -> Frozen {
        let batches = |table: Vec<Held>| table.into_iter().map(|held| held.batch).collect();
        let mut tables: Vec<_> = self.tables.into_iter().map(|(key, table)| (key, batches(table))).collect();
        tables.sort_by(|(a, _), (b, _): &(TableKey, Vec<Arc<RecordBatch>>)| a.cmp(b));
        Frozen { first_file: self.first_file, end_file, bytes: self.bytes, rows_by_signal: self.rows, tables }
    }
}

/// Ranges of neighbouring small batches: full ones of about `rows_max` rows, and what is worth it at the end.
fn merge_ranges(rows: &[usize], rows_max: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (at, next) in rows.iter().enumerate() {
        if *next >= rows_max.div_ceil(2) {
            ranges.push(start..at);
            (start, sum) = (at + 1, 0);
            continue;
        }
        sum += next;
        if sum >= rows_max {
            ranges.push(start..at + 1);
            (start, sum) = (at + 1, 0);
        }
    }
    // The newest: a batch joins those after it while it is not much larger than all of them together.
    let mut tail = rows.len();
    let mut tail_rows = 0;
    for next in rows.iter().skip(start).rev() {
        if tail < rows.len() && *next > (2 * tail_rows).max(64) {
            break;
        }
        tail_rows += next;
        tail -= 1;
    }
    ranges.push(tail..rows.len());
    ranges.retain(|range| range.len() > 1);
    ranges
}

impl Frozen {
    pub(crate) fn batches(&self, tenant: &Tenant, signal: Signal) -> Vec<Arc<RecordBatch>> {
        let table = self.tables.iter().find(|((owner, kind), _)| owner == tenant && *kind == signal);
        table.map(|(_, batches)| batches.clone()).unwrap_or_default()
    }
}

/// The place of a signal in arrays of counts.
pub(crate) fn signal_index(signal: Signal) -> usize {
    match signal {
        Signal::Traces => 0,
        Signal::Logs => 1,
        Signal::Metrics => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_runs_are_merged_once_and_large_batches_never() {
        assert_eq!(merge_ranges(&[30; 10], 100), [0..4, 4..8, 8..10]);
        assert!(merge_ranges(&[120, 120, 60], 100).is_empty());
        assert_eq!(merge_ranges(&[10, 10, 70, 10, 10], 100), [0..2, 3..5]);
        assert!(merge_ranges(&[], 100).is_empty());
        assert!(merge_ranges(&[5], 100).is_empty());
    }

    #[test]
    fn a_quiet_table_is_copied_as_often_as_it_doubles() {
        let mut rows: Vec<usize> = Vec::new();
        let mut copied = 0;
        for arrived in [1; 4_000] {
            rows.push(arrived);
            for range in merge_ranges(&rows, 8_192).into_iter().rev() {
                let merged = rows[range.clone()].iter().sum();
                copied += merged;
                rows.splice(range, [merged]);
            }
        }
        assert!(rows.len() < 20, "{rows:?}");
        assert!(copied < 4_000 * 64, "{copied}");
    }
}
