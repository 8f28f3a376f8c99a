//! One trace in the forms of Tempo's API (`tempopb`).
//!
//! As protobuf, `Trace` has the wire form of OTLP's `TracesData`. As JSON, ids are base64 and
//! enumerations are names, as `protojson` writes them, and version 1 of the API calls the
//! resource spans `batches`.

use arrow::record_batch::RecordBatch;
use throughline_model::attr_json::write_string;
use throughline_model::{Span, rows};

use super::encode::{encode_spans, to_json};
use super::json::{Style, schema};
use super::{EncodeError, Encoding};
use crate::protobuf::Writer;

/// What `GET /api/v2/traces/{id}` says beside the trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceById {
    /// Why spans are missing; `None` when the trace is complete.
    pub partial: Option<String>,
    /// Bytes that were read to find the trace.
    pub inspected_bytes: u64,
}

/// The body of `GET /api/traces/{id}`: a `Trace`.
#[must_use]
pub fn trace(spans: &[Span], encoding: Encoding) -> Vec<u8> {
    let protobuf = encode_spans(spans, Encoding::Protobuf);
    match encoding {
        Encoding::Protobuf => protobuf,
        Encoding::Json => to_json(&protobuf, &schema::TEMPO_TRACE_V1, Style::Protojson).into_bytes(),
    }
}

/// The body of `GET /api/v2/traces/{id}`: a `TraceByIDResponse`. The trace is there even when it
/// has no spans; Grafana dereferences it.
#[must_use]
pub fn trace_by_id(spans: &[Span], answer: &TraceById, encoding: Encoding) -> Vec<u8> {
    let trace = encode_spans(spans, Encoding::Protobuf);
    match encoding {
        Encoding::Protobuf => {
            let mut writer = Writer::with_capacity(trace.len() + 64);
            writer.bytes(1, &trace);
            let metrics = writer.open(2);
            writer.varint_nonzero(1, answer.inspected_bytes);
            writer.close(metrics);
            if let Some(message) = &answer.partial {
                writer.varint(3, 1);
                writer.string_nonempty(4, message);
            }
            writer.into_bytes()
        }
        Encoding::Json => {
            let mut text = String::from("{\"trace\":");
            text.push_str(&to_json(&trace, &schema::TEMPO_TRACE, Style::Protojson));
            text.push_str(",\"metrics\":{");
            if answer.inspected_bytes > 0 {
                text.push_str(&format!("\"inspectedBytes\":\"{}\"", answer.inspected_bytes));
            }
            match &answer.partial {
                None => text.push_str("},\"status\":\"COMPLETE\"}"),
                Some(message) => {
                    text.push_str("},\"status\":\"PARTIAL\",\"message\":");
                    write_string(&mut text, message);
                    text.push('}');
                }
            }
            text.into_bytes()
        }
    }
}

/// [`trace`] of the spans in a batch.
///
/// # Errors
/// A batch that does not have the columns of spans.
pub fn trace_of_batch(batch: &RecordBatch, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    Ok(trace(&rows::spans(batch)?, encoding))
}

#[cfg(test)]
mod tests;
