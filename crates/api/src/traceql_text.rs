//! Writing TraceQL for what a foreign API asks in its own form.

/// A string literal.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Conditions that an attribute of any of these scopes (`span.`, `.`) has a value given as text:
/// the text itself, and the number or truth value that it looks like. Joined by `||`.
pub(crate) fn attribute_equals(scopes: &[&str], key: &str, value: &str) -> String {
    let key = quote(key);
    let mut literals = vec![quote(value)];
    let number =
        value.parse::<f64>().is_ok_and(f64::is_finite) && value.bytes().any(|byte| byte.is_ascii_digit());
    let plain = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    if (number && plain) || matches!(value, "true" | "false") {
        literals.push(value.to_owned());
    }
    let conditions = scopes
        .iter()
        .flat_map(|scope| literals.iter().map(move |literal| (scope, literal)))
        .map(|(scope, literal)| format!("{scope}{key} = {literal}"));
    conditions.collect::<Vec<_>>().join(" || ")
}
