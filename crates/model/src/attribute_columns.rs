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
#[derive(Debug, Default)]
pub struct AttributeColumns {
    index: HashMap<Box<str>, usize, ahash::RandomState>,
    columns: Vec<Column>,
    /// Senders repeat the same keys in the same order: the column after the last one is tried
    /// before the hash.
    next: usize,
}

#[derive(Debug)]
struct Column {
    key: Box<str>,
    values: Values,
    rows: usize,
}

#[derive(Debug)]
enum Values {
    String(StringBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Bool(BooleanBuilder),
}

impl Column {
    fn pad(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.rows);
        match &mut self.values {
            Values::String(values) => (0..missing).for_each(|_| values.append_null()),
            Values::Int(values) => values.append_nulls(missing),
            Values::Double(values) => values.append_nulls(missing),
            Values::Bool(values) => values.append_nulls(missing),
        }
        self.rows = self.rows.max(rows);
    }
}

macro_rules! push {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $value:ty, $builder:expr) => {
        $(#[$doc])*
        pub fn $name(&mut self, row: usize, key: &str, value: $value) -> bool {
            let Some(column) = self.column(key, || Values::$variant($builder)) else {
                return false;
            };
            if column.rows > row {
                return false;
            }
            if !matches!(column.values, Values::$variant(_)) {
                return false;
            }
            column.pad(row);
            if let Values::$variant(values) = &mut column.values {
                values.append_value(value);
                column.rows += 1;
            }
            true
        }
    };
}

impl AttributeColumns {
    fn column(&mut self, key: &str, new: impl FnOnce() -> Values) -> Option<&mut Column> {
        let at = match self.columns.get(self.next) {
            Some(column) if *column.key == *key => self.next,
            _ => match self.index.get(key) {
                Some(at) => *at,
                None if self.columns.len() >= MAX_ATTRIBUTE_COLUMNS => return None,
                None => {
                    let at = self.columns.len();
                    self.index.insert(key.into(), at);
                    self.columns.push(Column { key: key.into(), values: new(), rows: 0 });
                    at
                }
            },
        };
        self.next = at + 1;
        self.columns.get_mut(at)
    }

    push! {
        /// Puts a string into the key's column.
        push_str, String, &str, StringBuilder::new()
    }
    push! {
        /// Puts an integer into the key's column.
        push_int, Int, i64, Int64Builder::new()
    }
    push! {
        /// Puts a double into the key's column.
        push_double, Double, f64, Float64Builder::new()
    }
    push! {
        /// Puts a truth value into the key's column.
        push_bool, Bool, bool, BooleanBuilder::new()
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
        self.next = 0;
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
