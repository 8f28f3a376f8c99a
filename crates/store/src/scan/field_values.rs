//! Reads a field of single rows as values: for showing, for listing, and for computed comparisons.

use super::attribute_cells::{bad_json, find, origin_value};
use super::filter::{AttributeScope, Field};
use super::item_cells::ItemList;
use super::predicate::Items;
use crate::Error;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use hashbrown::HashMap;
use throughline_model::{Value, attr_json, schema};

/// A field's values in the rows of a batch. Columns that the batch lacks read as missing.
#[derive(Debug)]
pub struct FieldValues<'a> {
    batch: &'a RecordBatch,
    field: &'a Field,
    own: Option<&'a ArrayRef>,
    rest: Option<&'a ArrayRef>,
    origin: Option<&'a ArrayRef>,
    items: Option<ItemList<'a>>,
    known: HashMap<i32, Option<Value>, ahash::RandomState>,
}

impl<'a> FieldValues<'a> {
    /// Prepares to read `field`; the columns it needs are those of [`Field::for_each_column`].
    #[must_use]
    pub fn new(batch: &'a RecordBatch, field: &'a Field) -> Self {
        let column = |name: &str| batch.column_by_name(name);
        let (mut own, mut rest, mut origin) = (None, None, None);
        match field {
            Field::Column(name) => own = column(name),
            Field::Attribute { scope: scope @ (AttributeScope::Any | AttributeScope::Span), key } => {
                own = column(&schema::attribute_column(key));
                rest = column(schema::ATTRIBUTES);
                origin = (*scope == AttributeScope::Any).then(|| column(schema::RESOURCE)).flatten();
            }
            Field::Attribute { scope: AttributeScope::Resource, .. } => origin = column(schema::RESOURCE),
            Field::Attribute { scope: AttributeScope::Instrumentation, .. }
            | Field::ScopeName
            | Field::ScopeVersion => origin = column(schema::SCOPE),
            _ => {}
        }
        let items = Items::of(field).and_then(|items| ItemList::of(batch, items));
        Self { batch, field, own, rest, origin, items, known: HashMap::default() }
    }

    /// The row's value; of events and links the first that has one. Ids are hexadecimal strings.
    ///
    /// # Errors
    /// Stored attribute JSON that does not parse.
    pub fn value(&mut self, row: usize) -> Result<Option<Value>, Error> {
        if Items::of(self.field).is_some() {
            return Ok(self.values(row)?.into_iter().next());
        }
        if *self.field == Field::EndNs {
            return Ok(self.end_ns(row).map(Value::Int));
        }
        if let Some(value) = self.own.and_then(|array| cell(array, row)) {
            return Ok(Some(value));
        }
        if let (Some(rest), Field::Attribute { key, .. }) = (self.rest, self.field)
            && let Some(text) = text(rest, row)
            && let Some(value) = find(text, key)?
        {
            return Ok(Some(value));
        }
        self.origin_of(row)
    }

    /// All of the row's values: of events and links one for each that has it, else at most one.
    ///
    /// # Errors
    /// Stored attribute JSON that does not parse.
    pub fn values(&mut self, row: usize) -> Result<Vec<Value>, Error> {
        if Items::of(self.field).is_none() {
            return Ok(self.value(row)?.into_iter().collect());
        }
        let Some(list) = &self.items else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for item in list.range(row) {
            values.extend(item_value(self.field, list, self.batch, item)?);
        }
        Ok(values)
    }

    fn end_ns(&self, row: usize) -> Option<i64> {
        let column = |name| self.batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        Some(column(schema::START_NS)?.value(row).wrapping_add(column(schema::DURATION_NS)?.value(row)))
    }

    fn origin_of(&mut self, row: usize) -> Result<Option<Value>, Error> {
        let Some(array) = self.origin else { return Ok(None) };
        let key = match self.field {
            Field::Attribute { key, .. } => key.as_str(),
            _ => "",
        };
        let Some(text) = text(array, row) else { return Ok(None) };
        let Some(codes) = array.as_dictionary_opt::<Int32Type>() else {
            return origin_value(self.field, key, text);
        };
        let code = codes.keys().value(row);
        if let Some(value) = self.known.get(&code) {
            return Ok(value.clone());
        }
        let value = origin_value(self.field, key, text)?;
        self.known.insert(code, value.clone());
        Ok(value)
    }
}

/// The value of an event's or link's field.
pub(super) fn item_value(
    field: &Field,
    list: &ItemList<'_>,
    batch: &RecordBatch,
    item: usize,
) -> Result<Option<Value>, Error> {
    let column = |name: &str| list.column(name).and_then(|array| cell(array, item));
    Ok(match field {
        Field::EventName => column(schema::NAME),
        Field::LinkTraceId => column(schema::TRACE_ID),
        Field::LinkSpanId => column(schema::SPAN_ID),
        Field::EventTimeSinceStart => list.since_start(item, batch).map(Value::Int),
        Field::Attribute { key, .. } => {
            match list.column(schema::ATTRIBUTES).and_then(|array| text(array, item)) {
                Some(text) => find(text, key)?,
                None => None,
            }
        }
        _ => None,
    })
}

/// The text of a plain or dictionary column.
pub(super) fn text(array: &ArrayRef, row: usize) -> Option<&str> {
    if array.is_null(row) {
        return None;
    }
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Some(texts.value(row));
    }
    let dictionary = array.as_dictionary_opt::<Int32Type>()?;
    let values = dictionary.values().as_string_opt::<i32>()?;
    Some(values.value(usize::try_from(dictionary.keys().value(row)).ok()?))
}

/// A cell as a value; `None` for nulls and for types that are no values.
pub(super) fn cell(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::UInt32 => Value::Int(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => {
            Value::Int(i64::try_from(array.as_primitive::<UInt64Type>().value(row)).unwrap_or(i64::MAX))
        }
        DataType::Float64 => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::FixedSizeBinary(_) => Value::String(hex::encode(array.as_fixed_size_binary().value(row))),
        _ => Value::String(text(array, row)?.to_owned()),
    })
}

/// Every key of a JSON object column's cell, with its value.
pub(super) fn attributes(array: &ArrayRef, row: usize) -> Result<Vec<(String, Value)>, Error> {
    match text(array, row) {
        Some(text) => attr_json::parse_attributes(text).map_err(bad_json),
        None => Ok(Vec::new()),
    }
}
