//! A value while an expression is computed, borrowed from the span where possible.

use throughline_lang::traceql::{Kind, Literal, Status};
use throughline_model::Value;

use crate::FieldValue;

/// A value while an expression is computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum<'a> {
    /// The field is missing, or what was computed has no value.
    Missing,
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Duration(i64),
    Status(Status),
    Kind(Kind),
    /// A trace or span id as a number, and how many hexadecimal digits it is written with.
    Id(u128, u8),
    Array(&'a [Value]),
    Bytes(&'a [u8]),
    /// There, but comparable with nothing: null and maps.
    Other(&'a Value),
}

impl<'a> Datum<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Float(*number),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Array(items) => Self::Array(items),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Null | Value::Map(_) => Self::Other(value),
        }
    }

    pub(crate) fn of_literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::String(text) => Self::Text(text),
            Literal::Int(number) => Self::Int(*number),
            Literal::Float(number) => Self::Float(*number),
            Literal::Bool(truth) => Self::Bool(*truth),
            Literal::Duration(nanos) => Self::Duration(*nanos),
            Literal::Status(status) => Self::Status(*status),
            Literal::Kind(kind) => Self::Kind(*kind),
        }
    }

    /// Whether it is the given boolean, or an array with it.
    pub(crate) fn is(&self, truth: bool) -> bool {
        match self {
            Self::Bool(have) => *have == truth,
            Self::Array(items) => items.contains(&Value::Bool(truth)),
            _ => false,
        }
    }

    /// Whether it holds as a condition.
    pub(crate) fn is_true(&self) -> bool {
        self.is(true)
    }

    /// An owned value; `None` when there is none.
    pub(crate) fn into_field_value(self) -> Option<FieldValue> {
        Some(match self {
            Self::Missing => return None,
            Self::Text(text) => FieldValue::Value(Value::from(text)),
            Self::Int(number) => FieldValue::Value(Value::Int(number)),
            Self::Float(number) => FieldValue::Value(Value::Double(number)),
            Self::Bool(truth) => FieldValue::Value(Value::Bool(truth)),
            Self::Duration(nanos) => FieldValue::Duration(nanos),
            Self::Status(status) => FieldValue::Status(status),
            Self::Kind(kind) => FieldValue::Kind(kind),
            Self::Id(id, digits) => FieldValue::Value(Value::from(hex(id, digits))),
            Self::Array(items) => FieldValue::Value(Value::Array(items.to_vec())),
            Self::Bytes(bytes) => FieldValue::Value(Value::Bytes(bytes.to_vec())),
            Self::Other(value) => FieldValue::Value(value.clone()),
        })
    }
}

/// An id as lower-case hexadecimal text.
pub(crate) fn hex(id: u128, digits: u8) -> String {
    format!("{id:0width$x}", width = usize::from(digits))
}

/// The id that a text means: hexadecimal of any case and width.
pub(crate) fn id_of_text(text: &str) -> Option<u128> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
