//! A field's values in a batch as small numbers: each distinct value once, and for each row which.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use hashbrown::HashMap;
use throughline_lang::traceql::{AttributeScope, FieldRef, Intrinsic};
use throughline_model::{Resource, Value, attr_json, schema};
use throughline_store::scan::{Field, FieldValues};

use super::stored_field::{is_service, stored_field, typed};
use crate::{Error, FieldValue, Result};

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// The values of a field in the rows of a batch.
#[derive(Debug, Default)]
pub(super) struct Codes {
    /// For each row a place in `values`.
    pub(super) rows: Vec<u32>,
    /// Distinct values; `None` is "missing". Not all need be in use.
    pub(super) values: Vec<Option<FieldValue>>,
}

/// Reads a field; remembers what it learnt of resources from batch to batch.
#[derive(Debug)]
pub(super) struct CodesReader<'a> {
    field: &'a FieldRef,
    stored: Field,
    known: Map<String, Option<FieldValue>>,
}

/// Resources remembered.
const KNOWN_MAX: usize = 10_000;

impl<'a> CodesReader<'a> {
    /// `None` for a field that only a whole trace tells.
    pub(super) fn new(field: &'a FieldRef) -> Option<Self> {
        let stored = match is_service(field) {
            true => Field::column(schema::SERVICE),
            false => stored_field(field)?,
        };
        Some(Self { field, stored, known: Map::default() })
    }

    /// What is read.
    pub(super) fn stored(&self) -> &Field {
        &self.stored
    }

    pub(super) fn read(&mut self, batch: &RecordBatch) -> Result<Codes> {
        match self.field {
            FieldRef::Attribute { scope: AttributeScope::Resource, name, .. } if !is_service(self.field) => {
                self.of_resource(batch, name)
            }
            FieldRef::Attribute { scope: AttributeScope::Resource, .. } => {
                let service = batch.column_by_name(schema::SERVICE);
                let codes = service.and_then(|column| of_dictionary(column, |text| Ok(service_value(text))));
                codes.unwrap_or_else(|| Ok(missing(batch.num_rows())))
            }
            FieldRef::Attribute { scope: AttributeScope::Span | AttributeScope::Any, name, .. } => {
                of_attribute(batch, self.field, &self.stored, name)
            }
            FieldRef::Intrinsic(Intrinsic::Name) => match batch.column_by_name(schema::NAME) {
                Some(column) => of_column(column, self.field).map_or_else(|| self.any(batch), Ok),
                None => self.any(batch),
            },
            FieldRef::Intrinsic(Intrinsic::Status) => self.of_number(batch, schema::STATUS_CODE),
            FieldRef::Intrinsic(Intrinsic::Kind) => self.of_number(batch, schema::KIND),
            FieldRef::Intrinsic(Intrinsic::StatusMessage) => {
                // Empty messages are not stored.
                let empty = FieldValue::Value(Value::from(""));
                let mut codes = self.any(batch)?;
                for value in codes.values.iter_mut().filter(|value| value.is_none()) {
                    *value = Some(empty.clone());
                }
                Ok(codes)
            }
            _ => self.any(batch),
        }
    }

    fn of_number(&self, batch: &RecordBatch, name: &str) -> Result<Codes> {
        let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int32Type>());
        let Some(column) = column else { return self.any(batch) };
        let mut interner = Interner::default();
        let rows = column.values().iter().map(|number| interner.code(*number)).collect();
        let values = interner.values.into_iter().map(|number| typed(self.field, Value::Int(number.into())));
        Ok(Codes { rows, values: values.collect() })
    }

    fn of_resource(&mut self, batch: &RecordBatch, key: &str) -> Result<Codes> {
        let Some(column) = batch.column_by_name(schema::RESOURCE) else {
            return Ok(missing(batch.num_rows()));
        };
        let known = &mut self.known;
        if known.len() > KNOWN_MAX {
            known.clear();
        }
        let codes = of_dictionary(column, |text| {
            if let Some(value) = known.get(text) {
                return Ok(value.clone());
            }
            let resource = Resource::from_json(text).map_err(|_| bad_json())?;
            let value = resource.get(key).cloned().and_then(|value| typed(self.field, value));
            known.insert(text.to_owned(), value.clone());
            Ok(value)
        });
        codes.unwrap_or_else(|| self.any(batch))
    }

    /// Row by row, whatever the field is.
    fn any(&self, batch: &RecordBatch) -> Result<Codes> {
        let mut values = FieldValues::new(batch, &self.stored);
        let mut interner = Values::default();
        let rows = (0..batch.num_rows())
            .map(|row| Ok(interner.code(values.value(row)?.and_then(|value| typed(self.field, value)))))
            .collect::<Result<_>>()?;
        Ok(Codes { rows, values: interner.values })
    }
}

fn bad_json() -> Error {
    Error::internal("stored attributes do not parse")
}

fn service_value(text: &str) -> Option<FieldValue> {
    (!text.is_empty()).then(|| FieldValue::Value(Value::from(text)))
}

fn missing(rows: usize) -> Codes {
    Codes { rows: vec![0; rows], values: vec![None] }
}

/// Distinct plain values.
#[derive(Debug)]
struct Interner<T> {
    codes: Map<T, u32>,
    values: Vec<T>,
    last: Option<(T, u32)>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { codes: Map::default(), values: Vec::new(), last: None }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Interner<T> {
    fn code(&mut self, value: T) -> u32 {
        if let Some((last, code)) = self.last
            && last == value
        {
            return code;
        }
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let code = *self.codes.entry(value).or_insert(next);
        if code == next {
            self.values.push(value);
        }
        self.last = Some((value, code));
        code
    }
}

/// Distinct values of any type.
#[derive(Debug, Default)]
struct Values {
    codes: Map<(&'static str, String), u32>,
    missing: Option<u32>,
    values: Vec<Option<FieldValue>>,
}

impl Values {
    fn code(&mut self, value: Option<FieldValue>) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let code = match &value {
            None => *self.missing.get_or_insert(next),
            Some(value) => *self.codes.entry((value.type_name(), value.text())).or_insert(next),
        };
        if code == next {
            self.values.push(value);
        }
        code
    }
}

/// A value for each entry that rows use; `None` when the column is no dictionary of text.
fn of_dictionary(
    column: &ArrayRef,
    mut value: impl FnMut(&str) -> Result<Option<FieldValue>>,
) -> Option<Result<Codes>> {
    let column = column.as_dictionary_opt::<Int32Type>()?;
    let texts = column.values().as_string_opt::<i32>()?;
    let none = u32::try_from(texts.len()).ok()?;
    let mut used = vec![false; texts.len() + 1];
    let mut rows = Vec::with_capacity(column.len());
    let nulls = column.nulls();
    for (row, code) in column.keys().values().iter().enumerate() {
        let code = match nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            true => u32::try_from(*code).unwrap_or(none).min(none),
            false => none,
        };
        if let Some(used) = used.get_mut(code as usize) {
            *used = true;
        }
        rows.push(code);
    }
    let values = used.iter().enumerate().map(|(code, used)| match *used && code < texts.len() {
        true if texts.is_valid(code) => value(texts.value(code)),
        _ => Ok(None),
    });
    Some(values.collect::<Result<_>>().map(|values| Codes { rows, values }))
}

/// A column of its own; missing where it is null. `None` for other types of columns.
pub(super) fn of_column(column: &ArrayRef, field: &FieldRef) -> Option<Codes> {
    fn interned<T: Copy + Eq + std::hash::Hash>(
        cells: impl Iterator<Item = Option<T>>,
        value: impl Fn(T) -> Option<FieldValue>,
    ) -> Codes {
        let mut interner = Interner::default();
        let rows = cells.map(|cell| interner.code(cell)).collect();
        Codes { rows, values: interner.values.into_iter().map(|cell| cell.and_then(&value)).collect() }
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return Some(interned(texts.iter(), |text| typed(field, Value::from(text))));
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return Some(interned(numbers.iter(), |number| typed(field, Value::Int(number))));
    }
    if let Some(numbers) = column.as_primitive_opt::<Float64Type>() {
        let bits = numbers.iter().map(|number| number.map(f64::to_bits));
        return Some(interned(bits, |bits| typed(field, Value::Double(f64::from_bits(bits)))));
    }
    let truths = column.as_boolean_opt()?;
    Some(interned(truths.iter(), |truth| typed(field, Value::Bool(truth))))
}

/// An attribute: its own column, and where that has nothing the text with the other attributes
/// (and the resource, if the scope says so).
fn of_attribute(batch: &RecordBatch, reference: &FieldRef, stored: &Field, key: &str) -> Result<Codes> {
    let count = batch.num_rows();
    let own = batch.column_by_name(&schema::attribute_column(key));
    let mut codes = own.and_then(|column| of_column(column, reference)).unwrap_or_else(|| missing(count));
    let rest = batch.column_by_name(schema::ATTRIBUTES).filter(|column| column.null_count() < count);
    let rest = rest.and_then(|column| column.as_string_opt::<i32>());
    let resource =
        matches!(stored, Field::Attribute { scope: throughline_store::scan::AttributeScope::Any, .. })
            && batch.column_by_name(schema::RESOURCE).is_some();
    let open = codes.values.iter().any(Option::is_none);
    if !open || (rest.is_none() && !resource) {
        return Ok(codes);
    }
    let mut quoted = String::new();
    attr_json::write_string(&mut quoted, key);
    let absent: Vec<bool> = codes.values.iter().map(Option::is_none).collect();
    let own_values = codes.values.len();
    let mut values = FieldValues::new(batch, stored);
    let mut interner = Values::default();
    for (row, code) in codes.rows.iter_mut().enumerate() {
        if !absent.get(*code as usize).copied().unwrap_or(true) {
            continue;
        }
        let likely = rest.is_some_and(|rest| rest.is_valid(row) && rest.value(row).contains(&quoted));
        if !likely && !resource {
            continue;
        }
        if let Some(value) = values.value(row)?.and_then(|value| typed(reference, value)) {
            *code = u32::try_from(own_values).unwrap_or(u32::MAX).saturating_add(interner.code(Some(value)));
        }
    }
    codes.values.extend(interner.values);
    Ok(codes)
}
