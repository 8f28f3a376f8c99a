//! Merging live batches: the same union by name that segments use, keeping every attribute column.

use std::sync::Arc;

use arrow::array::RecordBatch;
use throughline_model::Signal;
use throughline_model::merge::{self, ColumnPolicy};

use crate::Error;

/// One batch of all rows, in order.
pub(super) fn concat(signal: Signal, batches: &[Arc<RecordBatch>]) -> Result<RecordBatch, Error> {
    let batches: Vec<RecordBatch> = batches.iter().map(|batch| batch.as_ref().clone()).collect();
    merge::concat(signal, &batches, ColumnPolicy::KEEP_ALL)
        .map_err(|error| Error::internal("cannot merge live batches").with_source(error))
}
