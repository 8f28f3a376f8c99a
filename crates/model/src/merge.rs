//! Concatenating batches by column name.
//!
//! Batches of one signal differ in their optional and attribute columns, in the order of their
//! columns and in their dictionaries. [`concat()`] makes one batch of them: dictionaries united,
//! missing columns null, and attributes that get no column of their own moved into
//! [`crate::schema::ATTRIBUTES`].

mod attributes;
mod dictionaries;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::batch_error::BatchError;
use crate::schema;
use crate::signal::Signal;

/// Which attribute keys keep a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnPolicy {
    /// Smallest share of rows (0 to 1) that must have the attribute.
    pub share_min: f64,
    /// Most attribute columns; the most frequent keys win, ties by name.
    pub columns_max: usize,
}

impl ColumnPolicy {
    /// Every key keeps its column, up to [`crate::MAX_ATTRIBUTE_COLUMNS`].
    pub const KEEP_ALL: Self = Self { share_min: 0.0, columns_max: crate::MAX_ATTRIBUTE_COLUMNS };

    /// What segments use: keys on at least 1 % of the rows.
    pub const SEGMENT: Self = Self { share_min: 0.01, columns_max: crate::MAX_ATTRIBUTE_COLUMNS };
}

/// One batch of all rows, in order. A key that has different types keeps the type that most of
/// its rows have; the other rows go to the `attributes` column.
///
/// # Errors
/// A batch whose columns have types that the signal's schema does not allow.
pub fn concat(
    signal: Signal,
    batches: &[RecordBatch],
    policy: ColumnPolicy,
) -> Result<RecordBatch, BatchError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let kept = if signal == Signal::Metrics { Vec::new() } else { attributes::choose(batches, rows, policy) };
    concat_keeping(signal, batches, kept)
}

/// As [`concat()`], with exactly these attribute columns (`a.<key>` and type): every other attribute
/// goes to the `attributes` column.
///
/// # Errors
/// As [`concat()`].
pub fn concat_keeping(
    signal: Signal,
    batches: &[RecordBatch],
    mut kept: Vec<(String, DataType)>,
) -> Result<RecordBatch, BatchError> {
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut fields: Vec<Field> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema::fixed_fields(signal) {
        let spill = field.name() == schema::ATTRIBUTES && signal != Signal::Metrics;
        let column = if spill { attributes::rest(batches, &kept)? } else { fixed(batches, field)? };
        match column {
            Some(column) => {
                fields.push(field.clone());
                columns.push(column);
            }
            None if field.is_nullable() => {}
            None if rows == 0 => {
                fields.push(field.clone());
                columns.push(new_null_array(field.data_type(), 0));
            }
            None => return Err(BatchError::MissingColumn(field.name().clone())),
        }
    }
    for (name, data_type) in kept {
        let column = attributes::column(batches, &name, &data_type)?;
        fields.push(Field::new(name, data_type, true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

fn fixed(batches: &[RecordBatch], field: &Field) -> Result<Option<ArrayRef>, BatchError> {
    if batches.iter().all(|batch| batch.column_by_name(field.name()).is_none()) {
        return Ok(None);
    }
    if matches!(field.data_type(), DataType::Dictionary(..)) {
        return dictionaries::concat(batches, field).map(Some);
    }
    let parts = parts(batches, field.name(), field.data_type())?;
    Ok(Some(join(&parts)?))
}

/// The column of every batch; nulls where a batch lacks it.
fn parts(batches: &[RecordBatch], name: &str, data_type: &DataType) -> Result<Vec<ArrayRef>, BatchError> {
    let part = |batch: &RecordBatch| match batch.column_by_name(name) {
        None => Ok(new_null_array(data_type, batch.num_rows())),
        Some(array) if array.data_type() == data_type => Ok(Arc::clone(array)),
        Some(array) => Err(BatchError::WrongType {
            column: name.to_owned(),
            found: array.data_type().to_string(),
            expected: data_type.to_string(),
        }),
    };
    batches.iter().map(part).collect()
}

fn join(parts: &[ArrayRef]) -> Result<ArrayRef, BatchError> {
    if let [only] = parts {
        return Ok(Arc::clone(only));
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(compute::concat(&parts)?)
}

#[cfg(test)]
mod tests;
