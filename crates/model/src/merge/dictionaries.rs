//! Uniting dictionaries: each distinct text once, codes translated.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{Field, Int32Type};
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use crate::batch_error::BatchError;
use crate::rows::Dictionary;

pub(super) fn concat(batches: &[RecordBatch], field: &Field) -> Result<ArrayRef, BatchError> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let columns: Vec<Dictionary<'_>> =
        batches.iter().map(|batch| Dictionary::new(batch, field.name())).collect::<Result<_, _>>()?;
    let mut texts: Vec<&str> = Vec::new();
    let mut by_text: HashMap<&str, i32, ahash::RandomState> = HashMap::default();
    let mut codes: Vec<i32> = Vec::with_capacity(rows);
    let mut place = |text| {
        *by_text.entry(text).or_insert_with(|| {
            texts.push(text);
            // Fewer distinct texts than rows, and fewer rows than i32::MAX.
            i32::try_from(texts.len() - 1).unwrap_or(i32::MAX)
        })
    };
    for (batch, column) in batches.iter().zip(&columns) {
        let mut translation: Vec<Option<i32>> = vec![None; column.codes()];
        for row in 0..batch.num_rows() {
            let code = match column.code(row) {
                Some(code) => match translation.get_mut(code) {
                    Some(slot) => *slot.get_or_insert_with(|| place(column.text(code))),
                    None => place(""),
                },
                None => place(""),
            };
            codes.push(code);
        }
    }
    let values = StringArray::from_iter_values(texts);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(codes), Arc::new(values))?))
}
