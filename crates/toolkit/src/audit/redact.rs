//! Replacing secrets before they leave the process.

use super::secrets::{self, Secret};
use super::suspect;
use crate::SpanStatus;
use crate::fields::{FieldLimits, Fields};
use crate::layer::event::LogData;
use crate::layer::span_data::SpanData;

const REDACTED: &str = "REDACTED";

/// `value` without its secrets; `None` when it has none. A secret known by its key is all of the
/// value, one known by its form is cut out of it.
fn redacted(key: &str, value: &str) -> Option<String> {
    match suspect(key, value)? {
        Secret::Key | Secret::Random => Some(REDACTED.to_owned()),
        _ => Some(without_secrets(value)),
    }
}

fn without_secrets(text: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((_, range)) = secrets::find(rest) {
        clean.push_str(rest.get(..range.start).unwrap_or(""));
        clean.push_str(REDACTED);
        rest = rest.get(range.end..).unwrap_or("");
    }
    clean.push_str(rest);
    clean
}

fn redact_fields(fields: &mut Fields) {
    fields.rewrite(FieldLimits::default(), redacted);
}

/// Replaces the secrets of a span.
pub(super) fn span(data: &mut SpanData) {
    redact_fields(&mut data.fields);
    data.events.iter_mut().for_each(|event| redact_fields(&mut event.fields));
    data.links.iter_mut().for_each(|link| redact_fields(&mut link.fields));
    if let SpanStatus::Error(message) = &mut data.status
        && secrets::find(message).is_some()
    {
        *message = without_secrets(message);
    }
}

/// Replaces the secrets of a log record.
pub(super) fn log(record: &mut LogData) {
    redact_fields(&mut record.fields);
    if secrets::find(&record.message).is_some() {
        record.message = without_secrets(&record.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_secrets_out_of_text_and_leaves_the_rest() {
        let text = "from nats://svc:s3cr3t@a to nats://svc:hunter2@b with Bearer abcdEFGH1234ijkl.";
        assert_eq!(
            redacted("note", text).unwrap(),
            "from nats://svc:REDACTED@a to nats://svc:REDACTED@b with REDACTED"
        );
        assert_eq!(redacted("password", "hunter2").unwrap(), REDACTED);
        assert_eq!(redacted("note", "nothing to hide"), None);
    }
}
