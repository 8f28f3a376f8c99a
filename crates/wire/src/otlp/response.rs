//! Answers to export requests that were taken, in part or whole.

use throughline_model::Signal;
use throughline_model::attr_json::write_string;

use super::{Decoded, Encoding};
use crate::protobuf::Writer;

/// Longest message in an answer; OTLP wants answers below 4 MiB and messages shortened first.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

/// The body of the answer: `ExportXServiceResponse`. `partial_success` is unset when nothing was
/// rejected and there is nothing to say; a message without rejected items is a warning.
#[must_use]
pub fn response(signal: Signal, encoding: Encoding, rejected: u64, message: Option<&str>) -> Vec<u8> {
    let message = shorten(message.unwrap_or_default());
    let partial = rejected > 0 || !message.is_empty();
    match encoding {
        Encoding::Protobuf => {
            let mut writer = Writer::default();
            if partial {
                let success = writer.open(1);
                writer.varint_nonzero(1, rejected);
                writer.string_nonempty(2, message);
                writer.close(success);
            }
            writer.into_bytes()
        }
        Encoding::Json if partial => {
            let items = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Logs => "rejectedLogRecords",
                Signal::Metrics => "rejectedDataPoints",
            };
            let mut text = format!("{{\"partialSuccess\":{{\"{items}\":\"{rejected}\",\"errorMessage\":");
            write_string(&mut text, message);
            text.push_str("}}");
            text.into_bytes()
        }
        Encoding::Json => b"{}".to_vec(),
    }
}

impl Decoded {
    /// The body of the answer to the request that this came from, once the batch is kept.
    #[must_use]
    pub fn response(&self, signal: Signal, encoding: Encoding) -> Vec<u8> {
        response(signal, encoding, self.rejected, self.rejection.as_deref())
    }
}

/// The message, cut at a character when it is too long.
pub(super) fn shorten(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
