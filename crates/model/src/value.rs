//! Attribute values: OTLP's `AnyValue`.

/// A value of an attribute, or a log record's body.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Value {
    /// An `AnyValue` with nothing set.
    Null,
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A 64-bit floating-point number.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Values in order, of any types.
    Array(Vec<Value>),
    /// Keys and values in order (`kvlist`); keys may repeat.
    Map(Vec<(String, Value)>),
}

/// Keys and values in order. Keys should be unique (OTLP), but need not be.
pub type Attributes = Vec<(String, Value)>;

impl Value {
    /// The OTLP name of the value's type: `string`, `bool`, `int`, `double`, `bytes`, `array`,
    /// `map` or `null`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::String(_) => "string",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
        }
    }

    /// The text, when it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as people read it: a string without quotes, everything else as attribute JSON.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::String(text) => text.clone(),
            other => {
                let mut text = String::new();
                crate::attr_json::write_value(&mut text, other);
                text
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}
