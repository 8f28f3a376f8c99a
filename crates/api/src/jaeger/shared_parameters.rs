//! What both generations read alike: trace ids and JSON objects of tags.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use throughline_model::TraceId;

use super::error::Fault;

/// A trace's id: hexadecimal of any length up to 32, or base64.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Fault> {
    let from_base64 = || STANDARD.decode(text).ok().and_then(|bytes| TraceId::from_slice(&bytes));
    let id = TraceId::from_hex(text).ok().or_else(from_base64);
    id.ok_or_else(|| {
        Fault::invalid(format!("cannot parse trace id {text:?}: expected up to 32 hexadecimal digits"))
    })
}

/// A JSON object of tags; values may be text, numbers or truth values.
pub(super) fn tag_object(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let bad =
        || Fault::invalid(format!("malformed tags, expecting a JSON object of strings, received: {text}"));
    let Ok(Value::Object(object)) = serde_json::from_str(text) else { return Err(bad()) };
    let pair = |(key, value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Number(_) | Value::Bool(_) => Ok((key, Value::to_string(&value))),
        _ => Err(bad()),
    };
    object.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_any_width_and_base64_are_read() {
        let hex = trace_id("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(trace_id("S/kvNXezTaajzpKdDg5HNg==").unwrap(), hex);
        assert_eq!(trace_id("1").unwrap().to_string(), "00000000000000000000000000000001");
        assert!(trace_id("not an id").is_err());
    }
}
