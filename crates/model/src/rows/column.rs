//! Typed access to a batch's columns by name.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, StructArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;

use crate::attr_json;
use crate::batch_error::BatchError;
use crate::id::{SpanId, TraceId};
use crate::schema;
use crate::value::{Attributes, Value};

/// A column found by name and checked for its type.
#[derive(Debug)]
pub struct Column<'a, T> {
    name: &'a str,
    array: Option<&'a T>,
}

impl<T> Clone for Column<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Column<'_, T> {}

impl<'a, T: 'static> Column<'a, T> {
    /// A column that may be absent.
    ///
    /// # Errors
    /// A column of another type.
    pub fn optional(batch: &'a RecordBatch, name: &'a str) -> Result<Self, BatchError> {
        match batch.column_by_name(name) {
            None => Ok(Self { name, array: None }),
            Some(array) => Self::of(array, name),
        }
    }

    /// A column that must be there.
    ///
    /// # Errors
    /// A missing column, or one of another type.
    pub fn required(batch: &'a RecordBatch, name: &'a str) -> Result<Self, BatchError> {
        let column = Self::optional(batch, name)?;
        if column.array.is_none() {
            return Err(BatchError::MissingColumn(name.to_owned()));
        }
        Ok(column)
    }

    pub(crate) fn field(parent: &'a StructArray, name: &'a str) -> Result<Self, BatchError> {
        let array = parent.column_by_name(name).ok_or_else(|| BatchError::MissingColumn(name.to_owned()))?;
        Self::of(array, name)
    }

    fn of(array: &'a ArrayRef, name: &'a str) -> Result<Self, BatchError> {
        let typed = array.as_any().downcast_ref::<T>().ok_or_else(|| BatchError::WrongType {
            column: name.to_owned(),
            found: array.data_type().to_string(),
            expected: std::any::type_name::<T>().rsplit("::").next().unwrap_or_default().to_owned(),
        })?;
        Ok(Self { name, array: Some(typed) })
    }

    /// The Arrow array, if the column is there.
    #[must_use]
    pub fn array(&self) -> Option<&'a T> {
        self.array
    }
}

macro_rules! primitive {
    ($array:ty, $value:ty) => {
        impl Column<'_, $array> {
            /// The value of a row; `None` where it is null or the column is absent.
            #[must_use]
            pub fn get(&self, row: usize) -> Option<$value> {
                self.array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
            }

            /// The value of a row, or the type's default.
            #[must_use]
            pub fn value(&self, row: usize) -> $value {
                self.get(row).unwrap_or_default()
            }
        }
    };
}
primitive!(Int32Array, i32);
primitive!(Int64Array, i64);
primitive!(UInt32Array, u32);
primitive!(UInt64Array, u64);
primitive!(Float64Array, f64);
primitive!(BooleanArray, bool);

impl<'a> Column<'a, StringArray> {
    /// The text of a row; `None` where it is null or the column is absent.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&'a str> {
        self.array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }

    /// The text of a row, or the empty one.
    #[must_use]
    pub fn value(&self, row: usize) -> &'a str {
        self.get(row).unwrap_or_default()
    }

    /// The attributes that a row holds as JSON.
    ///
    /// # Errors
    /// JSON that does not parse.
    pub fn attributes(&self, row: usize) -> Result<Attributes, BatchError> {
        self.get(row).map_or(Ok(Vec::new()), |text| {
            attr_json::parse_attributes(text).map_err(|error| bad_json(self.name, row, &error))
        })
    }
}

impl<'a> Column<'a, FixedSizeBinaryArray> {
    /// The bytes of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&'a [u8]> {
        self.array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }

    /// A row's trace id.
    #[must_use]
    pub fn trace_id(&self, row: usize) -> Option<TraceId> {
        self.get(row).and_then(TraceId::from_slice)
    }

    /// A row's span id.
    #[must_use]
    pub fn span_id(&self, row: usize) -> Option<SpanId> {
        self.get(row).and_then(SpanId::from_slice)
    }
}

impl Column<'_, ListArray> {
    /// The items of all rows, and the range of them that belongs to a row.
    #[must_use]
    pub fn items(&self) -> Option<ArrayRef> {
        self.array.map(|array| Arc::clone(array.values()))
    }

    /// The range of [`items`](Self::items) that belongs to a row.
    #[must_use]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        let Some(array) = self.array.filter(|array| array.is_valid(row)) else { return 0..0 };
        let offset =
            |i: usize| array.value_offsets().get(i).and_then(|n| usize::try_from(*n).ok()).unwrap_or(0);
        offset(row)..offset(row + 1)
    }

    /// Whether the row has a list at all, though it may be empty.
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        self.array.is_some_and(|array| array.is_valid(row))
    }
}

/// A dictionary column: its distinct texts, and a row's place among them. Columns of plain text
/// are read likewise.
#[derive(Debug)]
pub struct Dictionary<'a> {
    kind: DictionaryKind<'a>,
}

#[derive(Debug)]
enum DictionaryKind<'a> {
    Absent,
    Codes(&'a Int32Array, &'a StringArray),
    Plain(&'a StringArray),
}

impl<'a> Dictionary<'a> {
    /// Finds the column; an absent one reads as empty texts.
    ///
    /// # Errors
    /// A column that holds no text.
    pub fn new(batch: &'a RecordBatch, name: &str) -> Result<Self, BatchError> {
        let Some(array) = batch.column_by_name(name) else {
            return Ok(Self { kind: DictionaryKind::Absent });
        };
        let wrong = || BatchError::WrongType {
            column: name.to_owned(),
            found: array.data_type().to_string(),
            expected: schema::dictionary_type().to_string(),
        };
        if let Some(dictionary) = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
            let values = dictionary.values().as_string_opt::<i32>().ok_or_else(wrong)?;
            return Ok(Self { kind: DictionaryKind::Codes(dictionary.keys(), values) });
        }
        let plain = array.as_string_opt::<i32>().ok_or_else(wrong)?;
        Ok(Self { kind: DictionaryKind::Plain(plain) })
    }

    /// A row's text, or the empty one.
    #[must_use]
    pub fn value(&self, row: usize) -> &'a str {
        self.code(row).map_or("", |code| self.text(code))
    }

    /// A row's place among the distinct texts; `None` where it is null.
    #[must_use]
    pub fn code(&self, row: usize) -> Option<usize> {
        match &self.kind {
            DictionaryKind::Absent => None,
            DictionaryKind::Codes(codes, _) => {
                codes.is_valid(row).then(|| codes.value(row)).and_then(|code| usize::try_from(code).ok())
            }
            DictionaryKind::Plain(texts) => texts.is_valid(row).then_some(row),
        }
    }

    /// The text of a [`code`](Self::code).
    #[must_use]
    pub fn text(&self, code: usize) -> &'a str {
        match &self.kind {
            DictionaryKind::Absent => "",
            DictionaryKind::Codes(_, texts) | DictionaryKind::Plain(texts) => {
                if code < texts.len() && texts.is_valid(code) { texts.value(code) } else { "" }
            }
        }
    }

    /// How many codes there are.
    #[must_use]
    pub fn codes(&self) -> usize {
        match &self.kind {
            DictionaryKind::Absent => 0,
            DictionaryKind::Codes(_, texts) | DictionaryKind::Plain(texts) => texts.len(),
        }
    }

    /// Parses each distinct text once, when a row first needs it.
    pub(crate) fn parsed<T: Default>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, attr_json::JsonError>,
    ) -> impl FnMut(usize) -> Result<Arc<T>, BatchError> {
        let mut cache: Vec<Option<Arc<T>>> = vec![None; self.codes()];
        let empty = Arc::new(T::default());
        move |row| {
            let Some(code) = self.code(row) else { return Ok(Arc::clone(&empty)) };
            let Some(slot) = cache.get_mut(code) else { return Ok(Arc::clone(&empty)) };
            if let Some(known) = slot {
                return Ok(Arc::clone(known));
            }
            let text = self.text(code);
            let value = if text.is_empty() {
                T::default()
            } else {
                parse(text).map_err(|e| bad_json(name, row, &e))?
            };
            Ok(Arc::clone(slot.insert(Arc::new(value))))
        }
    }
}

/// The attribute columns of a batch and the key of each.
pub(crate) struct AttributeReader<'a> {
    columns: Vec<(&'a str, &'a ArrayRef)>,
    rest: Column<'a, StringArray>,
}

impl<'a> AttributeReader<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> Result<Self, BatchError> {
        let schema = batch.schema_ref();
        let columns = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter_map(|(field, array)| Some((schema::attribute_key(field.name())?, array)))
            .collect();
        Ok(Self { columns, rest: Column::optional(batch, schema::ATTRIBUTES)? })
    }

    pub(crate) fn row(&self, row: usize) -> Result<Attributes, BatchError> {
        let mut attributes = Vec::new();
        for (key, array) in &self.columns {
            if array.is_null(row) {
                continue;
            }
            if let Some(value) = cell(array, row) {
                attributes.push(((*key).to_owned(), value));
            }
        }
        attributes.extend(self.rest.attributes(row)?);
        Ok(attributes)
    }
}

/// A row of an attribute column as a value; `None` where it is null or of no attribute type.
#[must_use]
pub(crate) fn cell(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    let any = array.as_any();
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        return Some(Value::from(texts.value(row)));
    }
    if let Some(numbers) = any.downcast_ref::<Int64Array>() {
        return Some(Value::Int(numbers.value(row)));
    }
    if let Some(numbers) = any.downcast_ref::<Float64Array>() {
        return Some(Value::Double(numbers.value(row)));
    }
    if let Some(truths) = any.downcast_ref::<BooleanArray>() {
        return Some(Value::Bool(truths.value(row)));
    }
    let dictionary = any.downcast_ref::<DictionaryArray<Int32Type>>()?;
    let texts = dictionary.values().as_string_opt::<i32>()?;
    let code = usize::try_from(dictionary.keys().value(row)).ok()?;
    Some(Value::from(texts.value(code)))
}

pub(crate) fn bad_json(column: &str, row: usize, error: &attr_json::JsonError) -> BatchError {
    BatchError::BadJson { column: column.to_owned(), row, message: error.to_string() }
}
