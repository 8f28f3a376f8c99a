//! Choosing pages: bounds of each page from the page index, and selections of single rows.

use std::ops::Range;

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use crate::segment::reader::{BATCH_ROWS, ReadPlan, RowGroup, SegmentReader};

/// A page of an indexed column and what its values lie between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its rows, counted within the row group.
    pub rows: Range<usize>,
    /// Smallest and largest value; `None` if the page has only nulls.
    pub bounds: Option<Bounds>,
}

/// Smallest and largest value of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounds {
    /// Integers.
    Int(i64, i64),
    /// Text or ids, in the order of their bytes. Long ones are cut: the first is a lower bound, the second an upper one.
    Bytes(Vec<u8>, Vec<u8>),
}

pub(crate) fn of(segment: &SegmentReader, row_group: usize, column: &str) -> Option<Vec<Page>> {
    let leaf = segment.leaf(column)?;
    let rows = usize::try_from(segment.metadata().row_groups().get(row_group)?.num_rows()).ok()?;
    let locations = segment.metadata().offset_index()?.get(row_group)?.get(leaf)?.page_locations();
    let index = segment.metadata().column_index()?.get(row_group)?.get(leaf)?;
    let starts =
        locations.iter().map(|location| usize::try_from(location.first_row_index).unwrap_or_default());
    let ends = starts.clone().skip(1).chain([rows]);
    let pages = starts.zip(ends).enumerate();
    if matches!(index, ColumnIndexMetaData::NONE) {
        return None;
    }
    Some(pages.map(|(page, (start, end))| Page { rows: start..end, bounds: bounds(index, page) }).collect())
}

fn bounds(index: &ColumnIndexMetaData, page: usize) -> Option<Bounds> {
    match index {
        ColumnIndexMetaData::INT64(index) => {
            Some(Bounds::Int(*index.min_value(page)?, *index.max_value(page)?))
        }
        ColumnIndexMetaData::INT32(index) => {
            Some(Bounds::Int(i64::from(*index.min_value(page)?), i64::from(*index.max_value(page)?)))
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) => {
            Some(Bounds::Bytes(index.min_value(page)?.to_vec(), index.max_value(page)?.to_vec()))
        }
        _ => None,
    }
}

/// A selection of ranges (ascending, not overlapping) among `total` rows.
#[must_use]
pub fn selection(ranges: impl IntoIterator<Item = Range<usize>>, total: usize) -> RowSelection {
    RowSelection::from_consecutive_ranges(ranges.into_iter(), total)
}

pub(crate) fn plan_rows(groups: &[RowGroup], rows: &[u32], columns: Option<Vec<String>>) -> ReadPlan {
    // Readers make room for a whole batch in every column: no more than there are rows.
    let batch_rows = Some(rows.len().clamp(1, BATCH_ROWS));
    let mut plan = ReadPlan { columns, batch_rows, ..ReadPlan::default() };
    let mut selectors: Vec<RowSelector> = Vec::new();
    let mut rows = rows.iter().map(|row| *row as usize).peekable();
    for group in groups {
        let end = group.first_row + group.rows;
        if rows.peek().is_none_or(|row| *row >= end) {
            continue;
        }
        plan.row_groups.push(group.index);
        let mut at = group.first_row;
        while let Some(row) = rows.next_if(|row| *row < end) {
            if row > at {
                selectors.push(RowSelector::skip(row - at));
            }
            if row >= at {
                selectors.push(RowSelector::select(1));
            }
            at = at.max(row + 1);
        }
        if end > at {
            selectors.push(RowSelector::skip(end - at));
        }
    }
    plan.selection = Some(RowSelection::from(selectors));
    plan
}
