//! Which rows belong to which trace, and which of them are duplicates.

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, RecordBatch};
use hashbrown::HashMap;
use throughline_model::schema;

use crate::error::Error;
use crate::segment::sort::{required, wrong_type};

/// The rows of a batch by trace, traces in order of their id, rows of a trace ascending.
#[derive(Debug)]
pub(crate) struct TraceGroups {
    /// `(id, first, last)`: the trace's rows are `rows[first..last]`.
    traces: Vec<(u128, u32, u32)>,
    rows: Vec<u32>,
}

impl TraceGroups {
    /// Groups the rows of a batch whose rows come in the given order: the row numbers are positions in `order`.
    pub(crate) fn of(batch: &RecordBatch, order: &[u32]) -> Result<Self, Error> {
        let ids = ids(batch, schema::TRACE_ID)?;
        let mut index: HashMap<u128, u32, ahash::RandomState> = HashMap::default();
        let mut found: Vec<(u128, u32)> = Vec::new();
        let mut trace_of_row = Vec::with_capacity(order.len());
        let mut last = (0_u128, u32::MAX);
        for row in order {
            let id = id16(ids, *row);
            if last.1 == u32::MAX || last.0 != id {
                let next = found.len() as u32;
                let trace = *index.entry(id).or_insert(next);
                if trace == next {
                    found.push((id, 0));
                }
                last = (id, trace);
            }
            if let Some((_, count)) = found.get_mut(last.1 as usize) {
                *count += 1;
            }
            trace_of_row.push(last.1);
        }
        Ok(Self::arrange(&found, &trace_of_row))
    }

    fn arrange(found: &[(u128, u32)], trace_of_row: &[u32]) -> Self {
        let mut by_id: Vec<(u128, u32)> = found.iter().map(|(id, _)| *id).zip(0..).collect();
        by_id.sort_unstable();
        let mut next = vec![0_u32; found.len()];
        let mut traces = Vec::with_capacity(found.len());
        let mut sum = 0;
        for (id, trace) in by_id {
            let count = found.get(trace as usize).map_or(0, |(_, count)| *count);
            if let Some(start) = next.get_mut(trace as usize) {
                *start = sum;
            }
            traces.push((id, sum, sum + count));
            sum += count;
        }
        let mut rows = vec![0_u32; trace_of_row.len()];
        for (trace, row) in trace_of_row.iter().zip(0..) {
            if let Some(at) = next.get_mut(*trace as usize) {
                if let Some(slot) = rows.get_mut(*at as usize) {
                    *slot = row;
                }
                *at += 1;
            }
        }
        Self { traces, rows }
    }

    /// Each trace's id and rows, in order of the id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u128, &[u32])> {
        self.traces.iter().map(|(id, first, last)| (*id, self.rows.get(*first as usize..*last as usize).unwrap_or_default()))
    }

    /// How many traces there are.
    pub(crate) fn len(&self) -> usize {
        self.traces.len()
    }

    /// How many rows there are.
    pub(crate) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The positions in `order` whose trace and span id occurred at an earlier position, ascending.
    pub(crate) fn duplicates(&self, batch: &RecordBatch, order: &[u32]) -> Result<Vec<u32>, Error> {
        let ids = ids(batch, schema::SPAN_ID)?;
        let mut duplicates = Vec::new();
        let mut spans: Vec<(u64, u32)> = Vec::new();
        for (_, rows) in self.iter().filter(|(_, rows)| rows.len() > 1) {
            spans.clear();
            spans.extend(rows.iter().map(|row| (order.get(*row as usize).map_or(0, |row| id8(ids, *row)), *row)));
            spans.sort_unstable();
            for pair in spans.windows(2) {
                if let [(first, _), (second, row)] = pair
                    && first == second
                {
                    duplicates.push(*row);
                }
            }
        }
        duplicates.sort_unstable();
        Ok(duplicates)
    }
}

/// An id column.
pub(crate) fn ids<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a FixedSizeBinaryArray, Error> {
    required(batch, name)?.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(name))
}

/// A 16-byte id as a number that sorts like its bytes.
pub(crate) fn id16(ids: &FixedSizeBinaryArray, row: u32) -> u128 {
    let row = row as usize;
    if row >= ids.len() {
        return 0;
    }
    ids.value(row).try_into().map_or(0, u128::from_be_bytes)
}

fn id8(ids: &FixedSizeBinaryArray, row: u32) -> u64 {
    let row = row as usize;
    if row >= ids.len() {
        return 0;
    }
    ids.value(row).try_into().map_or(0, u64::from_be_bytes)
}
