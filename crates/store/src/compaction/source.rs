//! One input of a merge: its rows, batch by batch, and the sort key of the row it stands at.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use throughline_model::Signal;

use crate::compaction::layout::Layout;
use crate::error::Error;
use crate::segment::SegmentBatches;
use crate::segment::sort::{key_columns, required, wrong_type};

/// An input that has a row to give.
pub(super) struct Source {
    batches: SegmentBatches,
    signal: Signal,
    /// The rows at hand.
    pub(super) batch: RecordBatch,
    keys: Vec<(ScalarBuffer<i32>, StringArray)>,
    times: ScalarBuffer<i64>,
    /// The row it stands at.
    pub(super) row: usize,
    /// Where `batch` is in the list of batches that the output is gathered from.
    pub(super) slot: usize,
}

impl Source {
    /// `None` if the input has no rows.
    pub(super) fn new(
        signal: Signal,
        batches: SegmentBatches,
        layout: &Layout,
    ) -> Result<Option<Self>, Error> {
        let mut source = Self {
            batches,
            signal,
            batch: RecordBatch::new_empty(layout.schema.clone()),
            keys: Vec::new(),
            times: ScalarBuffer::from(Vec::new()),
            row: 0,
            slot: usize::MAX,
        };
        Ok(source.next_batch(layout)?.then_some(source))
    }

    /// Goes on to the next batch; false at the end.
    pub(super) fn next_batch(&mut self, layout: &Layout) -> Result<bool, Error> {
        self.row = 0;
        self.slot = usize::MAX;
        for batch in self.batches.by_ref() {
            let batch = layout.conform(&batch?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            self.keys =
                key_columns(self.signal).iter().map(|name| key(&batch, name)).collect::<Result<_, _>>()?;
            let time = self.signal.time_column();
            let times =
                required(&batch, time)?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(time))?;
            self.times = times.values().clone();
            self.batch = batch;
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether the batch at hand has a row left.
    pub(super) fn has_row(&self) -> bool {
        self.row < self.batch.num_rows()
    }

    /// The time of the row it stands at.
    pub(super) fn time(&self) -> i64 {
        self.times.get(self.row).copied().unwrap_or_default()
    }

    /// Compares the rows that two inputs stand at, by the signal's order.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        for ((codes, texts), (other_codes, other_texts)) in self.keys.iter().zip(&other.keys) {
            let order = text(codes, texts, self.row).cmp(text(other_codes, other_texts, other.row));
            if order != Ordering::Equal {
                return order;
            }
        }
        self.time().cmp(&other.time())
    }
}

fn text<'a>(codes: &ScalarBuffer<i32>, texts: &'a StringArray, row: usize) -> &'a str {
    let code = codes.get(row).and_then(|code| usize::try_from(*code).ok()).unwrap_or(usize::MAX);
    if code < texts.len() && texts.is_valid(code) { texts.value(code) } else { "" }
}

fn key(batch: &RecordBatch, name: &str) -> Result<(ScalarBuffer<i32>, StringArray), Error> {
    let column = required(batch, name)?.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(name))?;
    if *column.values().data_type() != DataType::Utf8 {
        return Err(wrong_type(name));
    }
    Ok((column.keys().values().clone(), column.values().as_string::<i32>().clone()))
}
