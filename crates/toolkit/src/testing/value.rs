//! The value of an attribute, easy to compare with.

use std::fmt;

use super::otlp::common::v1::any_value::Value as OtlpValue;
use super::otlp::common::v1::{AnyValue, KeyValue};

/// The value of an attribute, as it arrived.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// A list.
    List(Vec<Self>),
    /// Anything else OTLP knows (bytes, maps), in words.
    Other(String),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    pub(super) fn of(value: Option<&AnyValue>) -> Self {
        match value.and_then(|value| value.value.as_ref()) {
            Some(OtlpValue::StringValue(text)) => Self::Text(text.clone()),
            Some(OtlpValue::IntValue(value)) => Self::Int(*value),
            Some(OtlpValue::DoubleValue(value)) => Self::Double(*value),
            Some(OtlpValue::BoolValue(value)) => Self::Bool(*value),
            Some(OtlpValue::ArrayValue(list)) => {
                Self::List(list.values.iter().map(|value| Self::of(Some(value))).collect())
            }
            Some(other) => Self::Other(format!("{other:?}")),
            None => Self::Other(String::new()),
        }
    }

    /// The value that `attributes` have for `key`.
    pub(super) fn find(attributes: &[KeyValue], key: &str) -> Option<Self> {
        let found = attributes.iter().find(|attribute| attribute.key == key)?;
        Some(Self::of(found.value.as_ref()))
    }

    /// All of `attributes`, in their order.
    pub(super) fn all(attributes: &[KeyValue]) -> impl Iterator<Item = (&str, Self)> {
        attributes.iter().map(|attribute| (attribute.key.as_str(), Self::of(attribute.value.as_ref())))
    }
}

/// Text and numbers as they are written in Rust, without quotes but in lists.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Other(text) => f.write_str(text),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::List(list) => {
                f.write_str("[")?;
                for (at, value) in list.iter().enumerate() {
                    f.write_str(if at > 0 { ", " } else { "" })?;
                    match value {
                        Self::Text(text) => write!(f, "{text:?}")?,
                        other => write!(f, "{other}")?,
                    }
                }
                f.write_str("]")
            }
        }
    }
}

impl From<&AnyValue> for Value {
    fn from(value: &AnyValue) -> Self {
        Self::of(Some(value))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

macro_rules! from_whole_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Value {
            fn from(value: $number) -> Self {
                // What does not fit OTLP's integers travels as text.
                i64::try_from(value).map_or_else(|_| Self::Text(value.to_string()), Self::Int)
            }
        }
    )*};
}

from_whole_numbers!(i32, i64, u16, u32, u64, usize);

impl PartialEq<&str> for Value {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == Some(*text)
    }
}

impl PartialEq<i64> for Value {
    fn eq(&self, value: &i64) -> bool {
        self.as_i64() == Some(*value)
    }
}
