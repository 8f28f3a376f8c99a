//! Puts rows of several batches into one order, by column name.

use crate::Error;
use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{concat, take_record_batch};
use arrow::datatypes::{Field, Schema};
use std::sync::Arc;

/// The rows of `parts` in `order`: each is the number of a part and of a row in it.
pub(super) fn ordered(parts: &[RecordBatch], order: &[(usize, usize)]) -> Result<Vec<RecordBatch>, Error> {
    if let [only] = parts {
        let rows = order.iter().map(|(_, row)| u32::try_from(*row).unwrap_or(u32::MAX));
        return Ok(vec![take_record_batch(only, &UInt32Array::from_iter_values(rows))?]);
    }
    let Some(whole) = stacked(parts)? else { return Ok(runs(parts, order)) };
    let mut first = Vec::with_capacity(parts.len());
    let mut rows = 0;
    for part in parts {
        first.push(rows);
        rows += part.num_rows();
    }
    let rows = order.iter().map(|(part, row)| u32::try_from(first[*part] + row).unwrap_or(u32::MAX));
    Ok(vec![take_record_batch(&whole, &UInt32Array::from_iter_values(rows))?])
}

/// One batch of all parts; `None` if a column has different types in them, which no one batch can hold.
fn stacked(parts: &[RecordBatch]) -> Result<Option<RecordBatch>, Error> {
    let mut fields: Vec<Field> = Vec::new();
    for part in parts {
        for field in part.schema_ref().fields() {
            match fields.iter_mut().find(|have| have.name() == field.name()) {
                None => fields.push(field.as_ref().clone()),
                Some(have) if have.data_type() != field.data_type() => return Ok(None),
                Some(have) => have.set_nullable(have.is_nullable() || field.is_nullable()),
            }
        }
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(fields.len());
    for field in &mut fields {
        let arrays: Vec<ArrayRef> = parts
            .iter()
            .map(|part| match part.column_by_name(field.name()) {
                Some(array) => array.clone(),
                None => new_null_array(field.data_type(), part.num_rows()),
            })
            .collect();
        if arrays.iter().any(|array| array.null_count() > 0) {
            field.set_nullable(true);
        }
        columns.push(concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?);
    }
    let rows = parts.iter().map(RecordBatch::num_rows).sum();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(Some(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?))
}

/// A batch for each run of rows that follow each other in one part.
fn runs(parts: &[RecordBatch], order: &[(usize, usize)]) -> Vec<RecordBatch> {
    order
        .chunk_by(|a, b| a.0 == b.0 && a.1 + 1 == b.1)
        .filter_map(|run| run.first().map(|(part, row)| parts[*part].slice(*row, run.len())))
        .collect()
}
