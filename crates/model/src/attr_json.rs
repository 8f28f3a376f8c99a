//! Attributes as JSON text that keeps their types.
//!
//! | value | text |
//! |---|---|
//! | string, bool, int, null | as in JSON |
//! | double | always with `.` or `e`, so that `5` is an int and `5.0` a double; `{"$double":"NaN"}`, `"Infinity"`, `"-Infinity"` |
//! | bytes | `{"$bytes":"<base64>"}` |
//! | array | `[…]` |
//! | map | `{…}`, or `{"$map":[["key",value],…]}` when a key starts with `$` or repeats |
//!
//! The outermost object of [`write_attributes`] keeps keys as they are, also repeated ones.

mod parse;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use parse::{JsonError, parse_attributes, parse_value};

use crate::value::Value;

/// Deepest nesting that is read: 64 levels of values, of which escaped maps take three each.
pub const MAX_DEPTH: usize = 256;

/// Appends `{"key":value,…}`.
pub fn write_attributes(out: &mut String, attributes: &[(String, Value)]) {
    out.push('{');
    for (i, (key, value)) in attributes.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, key);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

/// Appends one value.
pub fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::String(text) => write_string(out, text),
        Value::Bool(truth) => write_bool(out, *truth),
        Value::Int(number) => write_int(out, *number),
        Value::Double(number) => write_double(out, *number),
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Array(values) => {
            out.push('[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(out, value);
            }
            out.push(']');
        }
        Value::Map(entries) if needs_escape(entries) => {
            out.push_str("{\"$map\":[");
            for (i, (key, value)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push('[');
                write_string(out, key);
                out.push(',');
                write_value(out, value);
                out.push(']');
            }
            out.push_str("]}");
        }
        Value::Map(entries) => write_attributes(out, entries),
    }
}

fn needs_escape(entries: &[(String, Value)]) -> bool {
    entries.iter().any(|(key, _)| key.starts_with('$')) || has_repeated_key(entries)
}

fn has_repeated_key(entries: &[(String, Value)]) -> bool {
    // Pair by pair is fastest for the few keys that maps have; a hostile one has millions.
    if entries.len() <= 16 {
        let repeats =
            |(i, (key, _)): (usize, &(String, Value))| entries.iter().take(i).any(|(k, _)| k == key);
        return entries.iter().enumerate().any(repeats);
    }
    let mut seen = hashbrown::HashSet::with_capacity_and_hasher(entries.len(), ahash::RandomState::new());
    !entries.iter().all(|(key, _)| seen.insert(key.as_str()))
}

/// Appends a JSON string, quoted and escaped.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (i, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(text.get(plain_from..i).unwrap_or_default());
        if escape.is_empty() {
            // Writing to a String cannot fail.
            write!(out, "\\u{byte:04x}").ok();
        } else {
            out.push_str(escape);
        }
        plain_from = i + 1;
    }
    out.push_str(text.get(plain_from..).unwrap_or_default());
    out.push('"');
}

/// Appends `true` or `false`.
pub fn write_bool(out: &mut String, truth: bool) {
    out.push_str(if truth { "true" } else { "false" });
}

/// Appends an integer.
pub fn write_int(out: &mut String, number: i64) {
    write!(out, "{number}").ok();
}

/// Appends a double so that it reads back as the same double.
pub fn write_double(out: &mut String, number: f64) {
    if number.is_finite() {
        write!(out, "{number:?}").ok();
    } else if number.is_nan() {
        out.push_str("{\"$double\":\"NaN\"}");
    } else if number > 0.0 {
        out.push_str("{\"$double\":\"Infinity\"}");
    } else {
        out.push_str("{\"$double\":\"-Infinity\"}");
    }
}

/// Appends bytes.
pub fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("{\"$bytes\":\"");
    STANDARD.encode_string(bytes, out);
    out.push_str("\"}");
}

#[cfg(test)]
mod tests;
