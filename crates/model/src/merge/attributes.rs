//! Attribute columns of several batches: which stay, and where the others go.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder};
use arrow::compute;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;

use super::join;
use crate::attr_json;
use crate::batch_error::BatchError;
use crate::rows::{Column, cell};
use crate::schema;
use crate::span_builder::overflow_key;

/// Names and types of the attribute columns that stay, sorted by name.
pub(super) fn choose(
    batches: &[RecordBatch],
    rows: usize,
    policy: super::ColumnPolicy,
) -> Vec<(String, DataType)> {
    let mut filled: BTreeMap<&str, Vec<(&DataType, usize)>> = BTreeMap::new();
    for batch in batches {
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if schema::attribute_key(field.name()).is_none() {
                continue;
            }
            let values = array.len() - array.null_count();
            let types = filled.entry(field.name()).or_default();
            match types.iter_mut().find(|(data_type, _)| *data_type == array.data_type()) {
                Some((_, count)) => *count += values,
                None => types.push((array.data_type(), values)),
            }
        }
    }
    let mut kept: Vec<(&str, DataType, usize)> = filled
        .into_iter()
        .filter_map(|(name, types)| {
            let (data_type, values) =
                types.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best })?;
            #[expect(clippy::cast_precision_loss, reason = "a share of rows, far below 2^52")]
            let enough = values > 0 && values as f64 >= policy.share_min * rows as f64;
            enough.then(|| (name, data_type.clone(), values))
        })
        .collect();
    if kept.len() > policy.columns_max {
        kept.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(b.0)));
        kept.truncate(policy.columns_max);
        kept.sort_by(|a, b| a.0.cmp(b.0));
    }
    kept.into_iter().map(|(name, data_type, _)| (name.to_owned(), data_type)).collect()
}

/// One kept column over all batches.
pub(super) fn column(
    batches: &[RecordBatch],
    name: &str,
    data_type: &DataType,
) -> Result<ArrayRef, BatchError> {
    let parts: Vec<ArrayRef> = batches
        .iter()
        .map(|batch| match batch.column_by_name(name) {
            Some(array) if array.data_type() == data_type => Arc::clone(array),
            _ => arrow::array::new_null_array(data_type, batch.num_rows()),
        })
        .collect();
    join(&parts)
}

/// The `attributes` column over all batches: what was there, and what lost its column.
pub(super) fn rest(
    batches: &[RecordBatch],
    kept: &[(String, DataType)],
) -> Result<Option<ArrayRef>, BatchError> {
    let mut any = false;
    let mut parts: Vec<ArrayRef> = Vec::with_capacity(batches.len());
    for batch in batches {
        let lost = lost(batch, kept);
        let there = Column::<StringArray>::optional(batch, schema::ATTRIBUTES)?;
        any |= !lost.is_empty() || there.array().is_some();
        parts.push(match (lost.is_empty(), there.array()) {
            (true, None) => arrow::array::new_null_array(&DataType::Utf8, batch.num_rows()),
            (true, Some(array)) => Arc::new(array.clone()),
            (false, _) => spill(batch.num_rows(), there, &lost),
        });
    }
    if !any {
        return Ok(None);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let column = compute::concat(&parts)?;
    Ok((column.null_count() < column.len()).then_some(column))
}

fn lost<'a>(batch: &'a RecordBatch, kept: &[(String, DataType)]) -> Vec<(&'a str, &'a ArrayRef)> {
    let schema = batch.schema_ref();
    let columns = schema.fields().iter().zip(batch.columns());
    columns
        .filter_map(|(field, array)| {
            let key = schema::attribute_key(field.name())?;
            let stays = kept
                .binary_search_by(|(name, _)| name.as_str().cmp(field.name()))
                .ok()
                .and_then(|at| kept.get(at))
                .is_some_and(|(_, data_type)| data_type == array.data_type());
            (!stays && array.null_count() < array.len()).then_some((key, array))
        })
        .collect()
}

fn spill(rows: usize, there: Column<'_, StringArray>, lost: &[(&str, &ArrayRef)]) -> ArrayRef {
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        let inner = there.get(row).and_then(|object| object.strip_suffix('}')).unwrap_or_default();
        if inner.len() > 1 {
            text.push_str(inner);
        }
        for (key, array) in lost {
            if let Some(value) = cell(array, row) {
                overflow_key(&mut text, key);
                attr_json::write_value(&mut text, &value);
            }
        }
        if text.is_empty() {
            builder.append_null();
        } else {
            text.push('}');
            builder.append_value(&text);
        }
    }
    Arc::new(builder.finish())
}
