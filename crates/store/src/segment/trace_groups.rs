//! Which rows belong to which trace, and which of them are duplicates.

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, RecordBatch};
use hashbrown::HashMap;
use throughline_model::schema;

use crate::error::Error;
use crate::segment::sort::{required, wrong_type};

/// The trace of each row of a segment, while the rows come in segment order.
#[derive(Debug, Default)]
pub(crate) struct TraceIndex {
    by_id: HashMap<u128, u32, ahash::RandomState>,
    ids: Vec<u128>,
    of_row: Vec<u32>,
}

impl TraceIndex {
    /// The index of a batch's rows taken in the given order.
    pub(crate) fn of(batch: &RecordBatch, order: &[u32]) -> Result<Self, Error> {
        let ids = id_column(batch, schema::TRACE_ID)?;
        let mut index = Self { of_row: Vec::with_capacity(order.len()), ..Self::default() };
        index.extend(order.iter().map(|row| id16(ids, *row as usize)));
        Ok(index)
    }

    /// Adds the rows of a batch.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let ids = id_column(batch, schema::TRACE_ID)?;
        self.extend((0..ids.len()).map(|row| id16(ids, row)));
        Ok(())
    }

    fn extend(&mut self, ids: impl Iterator<Item = u128>) {
        let mut last: Option<(u128, u32)> = None;
        for id in ids {
            let trace = match last {
                Some((last, trace)) if last == id => trace,
                _ => {
                    let next = self.ids.len() as u32;
                    let trace = *self.by_id.entry(id).or_insert(next);
                    if trace == next {
                        self.ids.push(id);
                    }
                    trace
                }
            };
            last = Some((id, trace));
            self.of_row.push(trace);
        }
    }

    /// The traces of the rows from `first_row` on, as indexes into [`Self::ids`].
    pub(crate) fn of_rows(&self, first_row: usize) -> &[u32] {
        self.of_row.get(first_row..).unwrap_or_default()
    }

    /// The traces in the order in which they occurred.
    pub(crate) fn ids(&self) -> &[u128] {
        &self.ids
    }

    /// The rows of each trace.
    pub(crate) fn groups(&self) -> Groups {
        Groups::of(&self.of_row, self.ids.len())
    }

    /// The positions in `order` whose trace and span id occurred at an earlier position, ascending.
    pub(crate) fn duplicates(&self, batch: &RecordBatch, order: &[u32]) -> Result<Vec<u32>, Error> {
        let ids = id_column(batch, schema::SPAN_ID)?;
        let span = |at: u32| order.get(at as usize).map_or(0, |row| id8(ids, *row as usize));
        let groups = self.groups();
        let mut duplicates = Vec::new();
        let mut spans: Vec<(u64, u32)> = Vec::new();
        for rows in (0..self.ids.len()).map(|trace| groups.get(trace)).filter(|rows| rows.len() > 1) {
            spans.clear();
            spans.extend(rows.iter().map(|row| (span(*row), *row)));
            spans.sort_unstable();
            let pairs = spans.iter().zip(spans.iter().skip(1));
            duplicates
                .extend(pairs.filter(|(first, second)| first.0 == second.0).map(|(_, second)| second.1));
        }
        duplicates.sort_unstable();
        Ok(duplicates)
    }
}

/// Items by the group each belongs to, order kept within a group.
#[derive(Debug)]
pub(crate) struct Groups {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Groups {
    pub(crate) fn of(group_of_item: &[u32], groups: usize) -> Self {
        let mut next = vec![0_u32; groups];
        for group in group_of_item {
            if let Some(count) = next.get_mut(*group as usize) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut next {
            let count = *slot;
            *slot = sum;
            sum += count;
        }
        let mut items = vec![0; group_of_item.len()];
        for (group, item) in group_of_item.iter().zip(0_u32..) {
            let Some(at) = next.get_mut(*group as usize) else { continue };
            if let Some(slot) = items.get_mut(*at as usize) {
                *slot = item;
            }
            *at += 1;
        }
        Self { ends: next, items }
    }

    /// The items of a group, ascending.
    pub(crate) fn get(&self, group: usize) -> &[u32] {
        let start =
            group.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(group).copied().unwrap_or(start);
        self.items.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// An id column.
pub(crate) fn id_column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a FixedSizeBinaryArray, Error> {
    required(batch, name)?.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(name))
}

/// A 16-byte id as a number that sorts like its bytes.
pub(crate) fn id16(ids: &FixedSizeBinaryArray, row: usize) -> u128 {
    if row < ids.len() { ids.value(row).try_into().map_or(0, u128::from_be_bytes) } else { 0 }
}

/// An 8-byte id as a number.
pub(crate) fn id8(ids: &FixedSizeBinaryArray, row: usize) -> u64 {
    if row < ids.len() { ids.value(row).try_into().map_or(0, u64::from_be_bytes) } else { 0 }
}
