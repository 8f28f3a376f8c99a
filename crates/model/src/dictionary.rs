//! Building a dictionary column: each distinct text once, a code a row.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;

use crate::batch_error::BatchError;

/// A dictionary column under construction.
#[derive(Debug, Default)]
pub struct DictionaryColumn {
    codes: Vec<i32>,
    by_text: HashMap<Arc<str>, i32, ahash::RandomState>,
    texts: Vec<Arc<str>>,
}

impl DictionaryColumn {
    /// The code of a text, new or known.
    pub fn intern(&mut self, text: &str) -> i32 {
        if let Some(code) = self.by_text.get(text) {
            return *code;
        }
        // A batch has far fewer rows than i32::MAX.
        let code = i32::try_from(self.texts.len()).unwrap_or(i32::MAX);
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.by_text.insert(text, code);
        code
    }

    /// Appends a row with a code that [`intern`](Self::intern) returned.
    pub fn push(&mut self, code: i32) {
        self.codes.push(code);
    }

    /// Appends a row with a text.
    pub fn push_text(&mut self, text: &str) {
        let code = self.intern(text);
        self.push(code);
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Whether no row holds any text but the empty one.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.texts.iter().all(|text| text.is_empty())
    }

    /// The Arrow column; leaves this one empty.
    ///
    /// # Errors
    /// A pushed code that was never interned.
    pub fn finish(&mut self) -> Result<ArrayRef, BatchError> {
        let values = StringArray::from_iter_values(self.texts.drain(..));
        self.by_text.clear();
        let codes = Int32Array::from(std::mem::take(&mut self.codes));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, Arc::new(values))?))
    }
}
