//! What a field of a span holds, with the type that TraceQL gives it.

use throughline_lang::traceql::{Kind, Status, format_duration};
use throughline_model::Value;

/// The value of a field, as selected by a query or listed for completion.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// An attribute's value, or text of the span.
    Value(Value),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A span's status.
    Status(Status),
    /// A span's kind.
    Kind(Kind),
}

impl FieldValue {
    /// The type in Tempo's words: `string`, `int`, `float`, `bool`, `duration` or `keyword`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Value(Value::Int(_)) => "int",
            Self::Value(Value::Double(_)) => "float",
            Self::Value(Value::Bool(_)) => "bool",
            Self::Value(_) => "string",
            Self::Duration(_) => "duration",
            Self::Status(_) | Self::Kind(_) => "keyword",
        }
    }

    /// The value as people read and type it: strings without quotes, durations with a unit.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Value(value) => value.display(),
            Self::Duration(nanos) => format_duration(*nanos),
            Self::Status(status) => status.name().to_owned(),
            Self::Kind(kind) => kind.name().to_owned(),
        }
    }

    /// The value as telemetry would carry it: keywords as strings, durations as nanoseconds.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Duration(nanos) => Value::Int(nanos),
            Self::Status(status) => Value::from(status.name()),
            Self::Kind(kind) => Value::from(kind.name()),
        }
    }
}
