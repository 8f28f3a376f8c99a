//! The services that have rows in a segment.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::Int32Type;
use throughline_model::schema;

use crate::error::Error;
use crate::segment::meta::SERVICES_MAX;
use crate::segment::sort::{required, wrong_type};

/// Collects service names, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct ServiceNames {
    names: BTreeSet<String>,
    too_many: bool,
}

impl ServiceNames {
    /// Adds the services of these rows.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let column = cast(required(batch, schema::SERVICE)?, &schema::dictionary_type())?;
        let column = column.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::SERVICE))?;
        let texts = column.values().as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::SERVICE))?;
        // Rows come in service order: a new code is looked at once per run.
        let mut last = None;
        for code in column.keys().iter().flatten() {
            if last != Some(code) && !self.too_many {
                let at = usize::try_from(code).unwrap_or(usize::MAX);
                let text = if at < texts.len() && texts.is_valid(at) { texts.value(at) } else { "" };
                if !self.names.contains(text) {
                    self.names.insert(text.to_owned());
                }
                self.too_many = self.names.len() > SERVICES_MAX;
            }
            last = Some(code);
        }
        Ok(())
    }

    /// All of them in order, or `None` if there were too many.
    pub(crate) fn finish(self) -> Option<Vec<String>> {
        (!self.too_many).then(|| self.names.into_iter().collect())
    }
}
