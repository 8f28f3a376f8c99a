//! The numbers that a field has in the rows of a batch.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use throughline_lang::traceql::FieldRef;
use throughline_model::Value;
use throughline_store::scan::{Field, FieldValues};

use super::series_table::Number;
use super::stored_field::stored_field;
use crate::{FieldValue, Result};

/// Reads a field's numbers.
#[derive(Debug)]
pub(super) struct Numbers {
    stored: Field,
}

impl Numbers {
    /// `None` for a field that only a whole trace tells.
    pub(super) fn new(field: &FieldRef) -> Option<Self> {
        stored_field(field).map(|stored| Self { stored })
    }

    /// What is read.
    pub(super) fn stored(&self) -> &Field {
        &self.stored
    }

    /// Calls `visit` with each row's number.
    pub(super) fn each(
        &self,
        batch: &RecordBatch,
        mut visit: impl FnMut(usize, Option<Number>),
    ) -> Result<()> {
        if let Field::Column(name) = &self.stored
            && let Some(column) = batch.column_by_name(name)
            && let Some(column) = column.as_primitive_opt::<Int64Type>()
            && column.null_count() == 0
        {
            for (row, number) in column.values().iter().enumerate() {
                visit(row, Some(Number::Int(*number)));
            }
            return Ok(());
        }
        // Columns of other numbers, such as the kind, stand for words.
        let words = matches!(self.stored, Field::Column(_));
        let mut values = FieldValues::new(batch, &self.stored);
        for row in 0..batch.num_rows() {
            let value = if words { None } else { values.value(row)? };
            visit(row, value.as_ref().and_then(number_of));
        }
        Ok(())
    }
}

fn number_of(value: &Value) -> Option<Number> {
    match value {
        Value::Int(number) => Some(Number::Int(*number)),
        Value::Double(number) => Some(Number::Float(*number)),
        _ => None,
    }
}

/// The number that a field of a span in memory has.
pub(super) fn number_of_field(value: &FieldValue) -> Option<Number> {
    match value {
        FieldValue::Value(value) => number_of(value),
        FieldValue::Duration(nanos) => Some(Number::Int(*nanos)),
        FieldValue::Status(_) | FieldValue::Kind(_) => None,
    }
}
