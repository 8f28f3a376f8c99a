//! Attributes wherever they are stored: in a column of their own, in the row's JSON of the rest,
//! or in the JSON of the resource or scope, which is read once per distinct one.

use super::cells;
use super::comparison::Test;
use super::filter::{AttributeScope, Field};
use crate::Error;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Int32Type;
use memchr::memmem::Finder;
use throughline_model::{Resource, Scope, Value, attr_json, schema};

/// Which candidates have the attribute, and which of these pass.
pub(super) struct Outcome {
    pub(super) present: BooleanBuffer,
    pub(super) passed: BooleanBuffer,
}

/// A row's own attribute.
pub(super) fn own(
    key: &str,
    test: &Test,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<Outcome, Error> {
    let mut outcome = match batch.column_by_name(&schema::attribute_column(key)) {
        Some(array) => Outcome {
            present: cells::present(array, candidates),
            passed: cells::test(array, test, candidates),
        },
        None => Outcome {
            present: BooleanBuffer::new_unset(candidates.len()),
            passed: BooleanBuffer::new_unset(candidates.len()),
        },
    };
    if let Some(rest) = batch.column_by_name(schema::ATTRIBUTES) {
        let open = candidates & &!&outcome.present;
        let more = in_json(rest, key, test, &open)?;
        outcome.present = &outcome.present | &more.present;
        outcome.passed = &outcome.passed | &more.passed;
    }
    Ok(outcome)
}

/// An attribute in a column of JSON objects.
pub(super) fn in_json(
    array: &ArrayRef,
    key: &str,
    test: &Test,
    candidates: &BooleanBuffer,
) -> Result<Outcome, Error> {
    let open = cells::present(array, candidates);
    if let Some(texts) = array.as_string_opt::<i32>() {
        return in_texts(texts, key, test, &open);
    }
    let mut failure = None;
    let mut ask = |present_only: bool| {
        by_entry(array, &open, |text| match find(text, key) {
            Ok(value) => value.is_some_and(|value| present_only || test.value(&value)),
            Err(error) => {
                failure.get_or_insert(error);
                false
            }
        })
    };
    let outcome = Outcome { present: ask(true), passed: ask(false) };
    failure.map_or(Ok(outcome), Err)
}

fn in_texts(texts: &StringArray, key: &str, test: &Test, open: &BooleanBuffer) -> Result<Outcome, Error> {
    let len = open.len();
    let mut outcome =
        Outcome { present: BooleanBuffer::new_unset(len), passed: BooleanBuffer::new_unset(len) };
    let asked = open.count_set_bits();
    if asked == 0 {
        return Ok(outcome);
    }
    // Text without the quoted key anywhere cannot have the attribute; most rows end here.
    let mut quoted = String::new();
    attr_json::write_string(&mut quoted, key);
    let finder = Finder::new(quoted.as_bytes());
    let likely = if asked * 4 > len {
        open & &cells::rows_containing(texts, &finder)
    } else {
        cells::each(open, |row| finder.find(texts.value(row).as_bytes()).is_some())
    };
    let mut failure = None;
    let mut passed = arrow::array::BooleanBufferBuilder::new(len);
    passed.append_n(len, false);
    outcome.present = cells::each(&likely, |row| match find(texts.value(row), key) {
        Ok(Some(value)) => {
            passed.set_bit(row, test.value(&value));
            true
        }
        Ok(None) => false,
        Err(error) => {
            failure.get_or_insert(error);
            false
        }
    });
    outcome.passed = passed.finish();
    failure.map_or(Ok(outcome), Err)
}

/// The first value of a key in the text of a JSON object.
pub(super) fn find(text: &str, key: &str) -> Result<Option<Value>, Error> {
    let attributes = attr_json::parse_attributes(text).map_err(bad_json)?;
    Ok(attributes.into_iter().find(|(have, _)| have == key).map(|(_, value)| value))
}

pub(super) fn bad_json(error: attr_json::JsonError) -> Error {
    Error::internal("stored attributes do not parse").with_source(error)
}

/// A field of the resource or scope.
pub(super) fn origin(
    field: &Field,
    key: &str,
    test: &Test,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    let none = || Ok(BooleanBuffer::new_unset(candidates.len()));
    let resource =
        matches!(field, Field::Attribute { scope: AttributeScope::Any | AttributeScope::Resource, .. });
    let column = if resource { schema::RESOURCE } else { schema::SCOPE };
    let Some(array) = batch.column_by_name(column) else { return none() };
    let open = cells::present(array, candidates);
    let mut failure = None;
    let passed = by_entry(array, &open, |text| match origin_value(field, key, text) {
        Ok(value) => value.is_some_and(|value| test.value(&value)),
        Err(error) => {
            failure.get_or_insert(error);
            false
        }
    });
    failure.map_or(Ok(passed), Err)
}

/// What the JSON of a resource or scope says of a field.
pub(super) fn origin_value(field: &Field, key: &str, text: &str) -> Result<Option<Value>, Error> {
    let first = |attributes: Vec<(String, Value)>| {
        attributes.into_iter().find(|(have, _)| have == key).map(|(_, value)| value)
    };
    let named = |text: String| (!text.is_empty()).then_some(Value::String(text));
    Ok(match field {
        Field::ScopeName => named(Scope::from_json(text).map_err(bad_json)?.name),
        Field::ScopeVersion => named(Scope::from_json(text).map_err(bad_json)?.version),
        Field::Attribute { scope: AttributeScope::Instrumentation, .. } => {
            first(Scope::from_json(text).map_err(bad_json)?.attributes)
        }
        _ => first(Resource::from_json(text).map_err(bad_json)?.attributes),
    })
}

/// Asks once per distinct text of a dictionary array, or per row of a plain one.
fn by_entry(
    array: &ArrayRef,
    candidates: &BooleanBuffer,
    mut keep: impl FnMut(&str) -> bool,
) -> BooleanBuffer {
    if let Some(texts) = array.as_string_opt::<i32>() {
        return cells::each(candidates, |row| keep(texts.value(row)));
    }
    let dictionary = array.as_dictionary_opt::<Int32Type>();
    match dictionary.and_then(|d| Some((d.keys().values(), d.values().as_string_opt::<i32>()?))) {
        Some((codes, values)) => {
            cells::by_entry(codes, values.len(), candidates, |code| keep(values.value(code)))
        }
        None => BooleanBuffer::new_unset(candidates.len()),
    }
}
