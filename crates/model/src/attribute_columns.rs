//! A typed column for every attribute key seen, as long as there is room.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use hashbrown::HashMap;

use crate::schema;

/// Most attribute columns in a batch; further keys go to the `attributes` column.
pub const MAX_ATTRIBUTE_COLUMNS: usize = 256;

/// Attribute columns under construction. Each `push_*` answers whether the value was taken: it is
/// not when the key's column has another type, already has a value in this row, or when all
/// [`MAX_ATTRIBUTE_COLUMNS`] are used; the caller then puts it into the `attributes` JSON.
///
/// A decoder that meets the same keys again and again may [`find`](Self::find) a column by the
/// key's bytes, which need no check then, and use the `push_*_at` forms.
#[derive(Debug, Default)]
pub struct AttributeColumns {
    index: HashMap<Box<[u8]>, usize, ahash::RandomState>,
    columns: Vec<Column>,
    /// The column found last.
    last: usize,
}

#[derive(Debug)]
struct Column {
    key: Box<str>,
    values: Values,
    rows: usize,
    /// Senders repeat the same keys in the same order: the column that was asked for after this
    /// one the last time is tried before the hash.
    after: usize,
}

#[derive(Debug)]
enum Values {
    String(StringBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Bool(BooleanBuilder),
}

impl Column {
    #[inline]
    fn pad(&mut self, rows: usize) {
        if rows > self.rows {
            self.append_nulls(rows - self.rows);
        }
    }

    fn append_nulls(&mut self, missing: usize) {
        match &mut self.values {
            Values::String(values) => values.append_nulls(missing),
            Values::Int(values) => values.append_nulls(missing),
            Values::Double(values) => values.append_nulls(missing),
            Values::Bool(values) => values.append_nulls(missing),
        }
        self.rows += missing;
    }
}

macro_rules! push {
    ($(#[$doc:meta])* $name:ident, $at_name:ident, $variant:ident, $value:ty, $builder:expr) => {
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self, row: usize, key: &str, value: $value) -> bool {
            match self.find(key.as_bytes()).or_else(|| self.add(key, || Values::$variant($builder))) {
                Some(at) => self.$at_name(at, row, value),
                None => false,
            }
        }

        /// The same for a column that [`find`](Self::find) found.
        #[inline]
        pub fn $at_name(&mut self, at: usize, row: usize, value: $value) -> bool {
            let Some(column) = self.columns.get_mut(at) else { return false };
            if column.rows > row {
                return false;
            }
            column.pad(row);
            let Values::$variant(values) = &mut column.values else { return false };
            values.append_value(value);
            column.rows += 1;
            true
        }
    };
}

impl AttributeColumns {
    /// The column of a key, if there is one.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Option<usize> {
        let guess = self.columns.get(self.last).map_or(0, |column| column.after);
        let at = match self.columns.get(guess) {
            Some(column) if column.key.as_bytes() == key => guess,
            _ => self.look_up(key)?,
        };
        self.last = at;
        Some(at)
    }

    fn look_up(&mut self, key: &[u8]) -> Option<usize> {
        let at = *self.index.get(key)?;
        if let Some(column) = self.columns.get_mut(self.last) {
            column.after = at;
        }
        Some(at)
    }

    /// The key of a column that [`find`](Self::find) found.
    #[must_use]
    pub fn key(&self, at: usize) -> &str {
        self.columns.get(at).map_or("", |column| &column.key)
    }

    fn add(&mut self, key: &str, new: impl FnOnce() -> Values) -> Option<usize> {
        let at = self.columns.len();
        if at >= MAX_ATTRIBUTE_COLUMNS {
            return None;
        }
        self.index.insert(key.as_bytes().into(), at);
        if let Some(column) = self.columns.get_mut(self.last) {
            column.after = at;
        }
        self.columns.push(Column { key: key.into(), values: new(), rows: 0, after: at + 1 });
        self.last = at;
        Some(at)
    }

    push! {
        /// Puts a string into the key's column.
        push_str, push_str_at, String, &str, StringBuilder::new()
    }
    push! {
        /// Puts an integer into the key's column.
        push_int, push_int_at, Int, i64, Int64Builder::new()
    }
    push! {
        /// Puts a double into the key's column.
        push_double, push_double_at, Double, f64, Float64Builder::new()
    }
    push! {
        /// Puts a truth value into the key's column.
        push_bool, push_bool_at, Bool, bool, BooleanBuilder::new()
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The columns, each `rows` long, in the order in which their keys were first seen.
    pub fn finish(&mut self, rows: usize) -> Vec<(Field, ArrayRef)> {
        self.index.clear();
        self.last = 0;
        let finish = |mut column: Column| {
            column.pad(rows);
            let array: ArrayRef = match &mut column.values {
                Values::String(values) => Arc::new(values.finish()),
                Values::Int(values) => Arc::new(values.finish()),
                Values::Double(values) => Arc::new(values.finish()),
                Values::Bool(values) => Arc::new(values.finish()),
            };
            let data_type: DataType = array.data_type().clone();
            (Field::new(schema::attribute_column(&column.key), data_type, true), array)
        };
        self.columns.drain(..).map(finish).collect()
    }
}
