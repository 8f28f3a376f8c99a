//! The columns of a compacted segment, known from the footers of its inputs before a row is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use throughline_model::merge::{self, ColumnPolicy};
use throughline_model::{Signal, schema};

use crate::error::Error;
use crate::segment::SegmentReader;

/// The columns of the result.
#[derive(Debug)]
pub(super) struct Layout {
    signal: Signal,
    kept: Vec<(String, DataType)>,
    pub(super) schema: SchemaRef,
}

impl Layout {
    /// The layout for the rows of these segments.
    pub(super) fn of(signal: Signal, inputs: &[SegmentReader]) -> Self {
        let kept = if signal == Signal::Metrics { Vec::new() } else { choose(inputs, ColumnPolicy::SEGMENT) };
        let has = |name: &str| inputs.iter().any(|input| input.schema().column_with_name(name).is_some());
        // An attribute that loses its column goes to `attributes`, so that one is there whenever there are attributes at all.
        let spills = |name: &str| name == schema::ATTRIBUTES && signal != Signal::Metrics;
        let fixed = schema::fixed_fields(signal)
            .iter()
            .filter(|field| !field.is_nullable() || spills(field.name()) || has(field.name()));
        let attributes = kept.iter().map(|(name, data_type)| Field::new(name, data_type.clone(), true));
        let fields: Vec<Field> = fixed.cloned().chain(attributes).collect();
        Self { signal, kept, schema: Arc::new(Schema::new(fields)) }
    }

    /// Rows of an input with the columns of the result.
    pub(super) fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let batch = merge::concat_keeping(self.signal, std::slice::from_ref(batch), self.kept.clone())
            .map_err(|error| {
                Error::internal("a segment's columns are not its signal's").with_source(error)
            })?;
        let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let columns = self.schema.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// The attribute columns that stay: the same rule as for a flush, on the null counts in the footers.
fn choose(inputs: &[SegmentReader], policy: ColumnPolicy) -> Vec<(String, DataType)> {
    let rows: u64 = inputs.iter().map(|input| input.entry().rows).sum();
    let mut filled: BTreeMap<(&str, String), (u64, &DataType)> = BTreeMap::new();
    for input in inputs {
        for field in
            input.schema().fields().iter().filter(|field| schema::attribute_key(field.name()).is_some())
        {
            let slot =
                filled.entry((field.name(), field.data_type().to_string())).or_insert((0, field.data_type()));
            slot.0 += input.value_count(field.name());
        }
    }
    let mut best: BTreeMap<&str, (u64, &DataType)> = BTreeMap::new();
    for ((name, _), (values, data_type)) in filled {
        let slot = best.entry(name).or_insert((0, data_type));
        if values > slot.0 {
            *slot = (values, data_type);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a share of rows, far below 2^52")]
    let enough = |values: u64| values > 0 && values as f64 >= policy.share_min * rows as f64;
    let mut kept: Vec<(&str, u64, &DataType)> = best
        .into_iter()
        .filter(|(_, (values, _))| enough(*values))
        .map(|(name, (values, data_type))| (name, values, data_type))
        .collect();
    kept.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    kept.truncate(policy.columns_max);
    kept.sort_by(|a, b| a.0.cmp(b.0));
    kept.into_iter().map(|(name, _, data_type)| (name.to_owned(), data_type.clone())).collect()
}
