//! The trace context as an SQL comment, in the form of sqlcommenter: the server's own logs and
//! statistics then lead to the trace.

use opentelemetry::propagation::Injector;

use crate::propagation::{self, TraceContext};

/// The statement with the current context as a comment at its end; `None` when there is no context
/// or the statement has comments of its own, which must not be added to.
pub(super) fn commented(sql: &str) -> Option<String> {
    let context = TraceContext { baggage: None, ..TraceContext::current() };
    if !context.is_valid() || sql.contains("/*") || sql.contains("--") {
        return None;
    }
    let mut fields = Fields::default();
    propagation::inject(&context, &mut fields);
    // Sorted by name, as the form demands.
    fields.0.sort();
    let list: Vec<String> =
        fields.0.iter().map(|(key, value)| format!("{key}='{}'", encoded(value))).collect();
    let sql = sql.trim_end().trim_end_matches(';');
    (!list.is_empty()).then(|| format!("{sql} /*{}*/", list.join(",")))
}

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Injector for Fields {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

/// Percent-encoded: no quote and no end of a comment gets through.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            propagation::push_hex(&mut text, &[byte]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_cannot_be_broken_out_of() {
        assert_eq!(encoded("a=b,c*/ DROP'"), "a%3db%2cc%2a%2f%20DROP%27");
    }

    #[test]
    fn a_statement_without_context_stays_as_it_is() {
        assert_eq!(commented("SELECT 1"), None);
    }
}
