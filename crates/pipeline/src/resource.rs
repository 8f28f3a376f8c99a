//! The `resource` processor: changes resource attributes.
//!
//! Every distinct resource of a batch is rewritten once: the batch holds resources in a
//! dictionary column, so the cost does not depend on the number of rows. Resources that become
//! equal share one entry, and the service column follows `service.name`.

mod settings;

pub use settings::{Action, ActionKind, ResourceSettings, SettingsValue};

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use throughline_model::{Resource, Signal, schema};

use crate::{ProcessError, Processor};

/// Applies the actions in order to each resource.
#[derive(Debug, Clone)]
pub struct ResourceProcessor {
    actions: Vec<Action>,
}

impl ResourceProcessor {
    /// A processor with settings that were [validated](ResourceSettings::validate); an action that
    /// lacks its value does nothing.
    #[must_use]
    pub fn new(settings: ResourceSettings) -> Self {
        Self { actions: settings.attributes }
    }

    fn fault(&self, message: impl std::fmt::Display) -> ProcessError {
        ProcessError { processor: self.name().to_owned(), message: message.to_string() }
    }

    fn rewrite(&self, resource_json: &str) -> Result<Resource, ProcessError> {
        let mut resource = Resource::from_json(resource_json).map_err(|e| self.fault(e))?;
        for action in &self.actions {
            action.apply(&mut resource.attributes);
        }
        Ok(resource)
    }
}

impl Processor for ResourceProcessor {
    fn name(&self) -> &str {
        "resource"
    }

    fn process(&self, _: Signal, batch: RecordBatch) -> Result<RecordBatch, ProcessError> {
        if batch.num_rows() == 0 || self.actions.is_empty() {
            return Ok(batch);
        }
        let missing = |name: &str| self.fault(format!("the batch has no dictionary column {name}"));
        let column = batch.schema().index_of(schema::RESOURCE).map_err(|_| missing(schema::RESOURCE))?;
        let resources = dictionary(batch.column(column)).ok_or_else(|| missing(schema::RESOURCE))?;
        let texts = resources.values().as_string_opt::<i32>().ok_or_else(|| missing(schema::RESOURCE))?;

        let mut rewritten = Entries::default();
        let mut services = Entries::default();
        // By old code: the new codes of the resource and of its service.
        let mut codes = Vec::with_capacity(texts.len());
        for text in texts {
            let resource = self.rewrite(text.unwrap_or("{}"))?;
            codes.push((
                rewritten.code(resource.to_json()),
                services.code(resource.service_name().to_owned()),
            ));
        }
        let of_rows = |pick: fn(&(i32, i32)) -> i32| -> Int32Array {
            let old = resources.keys().iter();
            old.map(|key| key.and_then(|key| codes.get(usize::try_from(key).ok()?).map(pick))).collect()
        };
        let batch = self.replace(batch.clone(), schema::RESOURCE, of_rows(|c| c.0), rewritten)?;
        self.replace(batch, schema::SERVICE, of_rows(|c| c.1), services)
    }
}

impl ResourceProcessor {
    fn replace(
        &self,
        batch: RecordBatch,
        name: &str,
        keys: Int32Array,
        entries: Entries,
    ) -> Result<RecordBatch, ProcessError> {
        let Ok(index) = batch.schema().index_of(name) else {
            return Ok(batch);
        };
        let values = Arc::new(StringArray::from(entries.texts));
        let column = DictionaryArray::<Int32Type>::try_new(keys, values).map_err(|e| self.fault(e))?;
        let mut columns = batch.columns().to_vec();
        if let Some(slot) = columns.get_mut(index) {
            *slot = Arc::new(column);
        }
        RecordBatch::try_new(batch.schema(), columns).map_err(|e| self.fault(e))
    }
}

fn dictionary(column: &ArrayRef) -> Option<&DictionaryArray<Int32Type>> {
    column.as_dictionary_opt::<Int32Type>()
}

/// Texts of a dictionary, each once.
#[derive(Default)]
struct Entries {
    texts: Vec<String>,
    codes: HashMap<String, i32>,
}

impl Entries {
    fn code(&mut self, text: String) -> i32 {
        if let Some(code) = self.codes.get(&text) {
            return *code;
        }
        let code = i32::try_from(self.texts.len()).unwrap_or(i32::MAX);
        self.texts.push(text.clone());
        self.codes.insert(text, code);
        code
    }
}

#[cfg(test)]
mod tests;
