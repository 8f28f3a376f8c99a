//! Values as JSON for people: each attribute with its type and its text.

use serde_json::{Value as Json, json};
use throughline_model::{Value, attr_json};

/// `[{"key","type","value"}]`, sorted by key.
pub(super) fn attributes(attributes: &[(String, Value)]) -> Json {
    let mut sorted: Vec<&(String, Value)> = attributes.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    sorted
        .into_iter()
        .map(|(key, value)| json!({"key": key, "type": value.type_name(), "value": plain(value)}))
        .collect()
}

/// A value in JSON's own types where that loses nothing; integers as text, as JSON readers round
/// large ones.
pub(super) fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::String(text) => json!(text),
        Value::Bool(truth) => json!(truth),
        Value::Int(number) => json!(number.to_string()),
        Value::Double(number) if number.is_finite() => json!(number),
        Value::Double(number) => json!(number.to_string()),
        Value::Bytes(_) | Value::Array(_) | Value::Map(_) => {
            let mut text = String::new();
            attr_json::write_value(&mut text, value);
            json!(text)
        }
    }
}

/// `server`, `client` and so on.
pub(super) fn kind(kind: i32) -> &'static str {
    match kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "unspecified",
    }
}

/// `unset`, `ok`, `error`.
pub(super) fn status(code: i32) -> &'static str {
    match code {
        1 => "ok",
        2 => "error",
        _ => "unset",
    }
}
