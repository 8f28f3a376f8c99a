//! The events or links of a batch as one flat run of items, each knowing its row.

use super::comparison::Test;
use super::filter::{AttributeScope, Field};
use super::predicate::Items;
use super::{attribute_cells, cells};
use crate::Error;
use arrow::array::{Array, AsArray, BooleanBufferBuilder, ListArray, RecordBatch, StructArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Int64Type;
use throughline_model::schema;

/// Every item of a list column in order.
#[derive(Debug)]
pub(super) struct ItemList<'a> {
    list: &'a ListArray,
    items: StructArray,
    /// Row of each item.
    pub(super) rows: Vec<usize>,
}

impl<'a> ItemList<'a> {
    /// `None` when the batch has no such column, or it is empty.
    pub(super) fn of(batch: &'a RecordBatch, items: Items) -> Option<Self> {
        let list = batch.column_by_name(items.column())?.as_list_opt::<i32>()?;
        let offsets = list.value_offsets();
        let (first, last) = (*offsets.first()?, *offsets.last()?);
        let values = list.values().as_struct_opt()?;
        let items = values.slice(first as usize, (last - first) as usize);
        if items.is_empty() {
            return None;
        }
        let mut rows = Vec::with_capacity(items.len());
        for (row, pair) in offsets.windows(2).enumerate() {
            rows.extend(std::iter::repeat_n(row, (pair[1] - pair[0]) as usize));
        }
        Some(Self { list, items, rows })
    }

    /// A column of the items.
    pub(super) fn column(&self, name: &str) -> Option<&arrow::array::ArrayRef> {
        self.items.column_by_name(name)
    }

    /// Where a row's items are.
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.list.value_offsets();
        let first = offsets[0];
        (offsets[row] - first) as usize..(offsets[row + 1] - first) as usize
    }

    /// The items of the rows that are set; rows whose list is null have none.
    pub(super) fn expand(&self, rows: &BooleanBuffer) -> BooleanBuffer {
        let nulls = self.list.nulls();
        BooleanBuffer::collect_bool(self.rows.len(), |item| {
            let row = self.rows[item];
            rows.value(row) && nulls.is_none_or(|nulls| nulls.is_valid(row))
        })
    }

    /// The rows that have an item that is set.
    pub(super) fn any_item(&self, items: &BooleanBuffer) -> BooleanBuffer {
        let mut rows = BooleanBufferBuilder::new(self.list.len());
        rows.append_n(self.list.len(), false);
        for item in items.set_indices() {
            rows.set_bit(self.rows[item], true);
        }
        rows.finish()
    }

    /// Which open items pass a test on a field of theirs.
    pub(super) fn test(
        &self,
        field: &Field,
        test: &Test,
        batch: &RecordBatch,
        open: &BooleanBuffer,
    ) -> Result<BooleanBuffer, Error> {
        let column = match field {
            Field::EventName => schema::NAME,
            Field::LinkTraceId => schema::TRACE_ID,
            Field::LinkSpanId => schema::SPAN_ID,
            Field::EventTimeSinceStart => {
                return Ok(cells::each(open, |item| {
                    self.since_start(item, batch).is_some_and(|ns| test.int(ns))
                }));
            }
            Field::Attribute { scope: AttributeScope::Event | AttributeScope::Link, key } => {
                return match self.column(schema::ATTRIBUTES) {
                    Some(array) => Ok(attribute_cells::in_json(array, key, test, open)?.passed),
                    None => Ok(BooleanBuffer::new_unset(open.len())),
                };
            }
            _ => return Ok(BooleanBuffer::new_unset(open.len())),
        };
        Ok(match self.column(column) {
            Some(array) => cells::test(array, test, open),
            None => BooleanBuffer::new_unset(open.len()),
        })
    }

    /// Time from the start of the item's row to the item.
    pub(super) fn since_start(&self, item: usize, batch: &RecordBatch) -> Option<i64> {
        let start = batch.column_by_name(schema::START_NS)?.as_primitive_opt::<Int64Type>()?;
        let time = self.column(schema::TIME_NS)?.as_primitive_opt::<Int64Type>()?;
        Some(time.value(item).saturating_sub(start.value(self.rows[item])))
    }
}
