//! Batches and rows to OTLP: the wire form of `ExportXServiceRequest`, which is also that of
//! `TracesData`, `LogsData` and `MetricsData`.
//!
//! Items are grouped by resource and scope in the order in which these first appear, and keep
//! their order within a group.

mod group;
mod logs;
mod metrics;
mod spans;
mod values;

use arrow::record_batch::RecordBatch;
use throughline_model::{LogRecord, MetricPoint, Signal, Span, rows};

use super::json::{self, Style, schema};
use super::{EncodeError, Encoding};

/// Writes a batch as an export request of its signal.
///
/// # Errors
/// A batch that does not have the columns of the signal.
pub fn encode(signal: Signal, batch: &RecordBatch, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    match signal {
        Signal::Traces => encode_traces(batch, encoding),
        Signal::Logs => encode_logs(batch, encoding),
        Signal::Metrics => encode_metrics(batch, encoding),
    }
}

/// Writes a batch of spans as `ExportTraceServiceRequest`.
///
/// # Errors
/// A batch that does not have the columns of spans.
pub fn encode_traces(batch: &RecordBatch, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    Ok(encode_spans(&rows::spans(batch)?, encoding))
}

/// Writes a batch of log records as `ExportLogsServiceRequest`.
///
/// # Errors
/// A batch that does not have the columns of log records.
pub fn encode_logs(batch: &RecordBatch, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    Ok(encode_log_records(&rows::logs(batch)?, encoding))
}

/// Writes a batch of metric points as `ExportMetricsServiceRequest`.
///
/// # Errors
/// A batch that does not have the columns of metric points.
pub fn encode_metrics(batch: &RecordBatch, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    Ok(encode_points(&rows::points(batch)?, encoding))
}

/// Writes spans as `ExportTraceServiceRequest`.
#[must_use]
pub fn encode_spans(rows: &[Span], encoding: Encoding) -> Vec<u8> {
    in_encoding(spans::write(rows), &schema::TRACES, encoding)
}

/// Writes log records as `ExportLogsServiceRequest`.
#[must_use]
pub fn encode_log_records(rows: &[LogRecord], encoding: Encoding) -> Vec<u8> {
    in_encoding(logs::write(rows), &schema::LOGS, encoding)
}

/// Writes metric points as `ExportMetricsServiceRequest`.
#[must_use]
pub fn encode_points(rows: &[MetricPoint], encoding: Encoding) -> Vec<u8> {
    in_encoding(metrics::write(rows), &schema::METRICS, encoding)
}

fn in_encoding(protobuf: Vec<u8>, message: &'static schema::Message, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => protobuf,
        Encoding::Json => to_json(&protobuf, message, Style::Otlp).into_bytes(),
    }
}

/// JSON of a message that was just written here.
pub(super) fn to_json(protobuf: &[u8], message: &'static schema::Message, style: Style) -> String {
    let mut text = String::with_capacity(protobuf.len() * 3);
    // What the writers wrote is always readable; the tests of every signal hold them to it.
    let written = json::from_protobuf(&mut text, message, protobuf, style);
    debug_assert!(written.is_ok(), "{written:?}");
    text
}
