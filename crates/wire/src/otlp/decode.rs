//! From a request's bytes to columns.

mod attributes;
mod logs;
mod metrics;
mod origin;
mod points;
mod rejection;
mod spans;
mod walk;

use arrow::record_batch::RecordBatch;
use throughline_model::Signal;

use self::rejection::Rejection;
use super::json::{self, schema};
use super::{DecodeError, Encoding};
use crate::protobuf::{Fault, FaultKind};

/// Largest request that is decoded. Transports have smaller limits of their own; this one keeps
/// every column within 32-bit offsets.
pub const MAX_REQUEST_BYTES: usize = 256 << 20;

/// A decoded request.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The accepted items.
    pub batch: RecordBatch,
    /// How many items were accepted: the rows of the batch.
    pub accepted: u64,
    /// How many items were well-formed but cannot be kept.
    pub rejected: u64,
    /// Why items were rejected, or a warning when none was; for `partial_success`.
    pub rejection: Option<String>,
}

/// Decodes an export request.
///
/// # Errors
/// Bytes that are not a request of that signal in that encoding, or too many of them.
pub fn decode(signal: Signal, encoding: Encoding, request: &[u8]) -> Result<Decoded, DecodeError> {
    if request.len() > MAX_REQUEST_BYTES {
        return Err(DecodeError::TooLarge(format!(
            "{} bytes, at most {MAX_REQUEST_BYTES} are taken",
            request.len()
        )));
    }
    match encoding {
        Encoding::Protobuf => protobuf(signal, request),
        Encoding::Json => {
            let message = match signal {
                Signal::Traces => &schema::TRACES,
                Signal::Logs => &schema::LOGS,
                Signal::Metrics => &schema::METRICS,
            };
            let request =
                json::to_protobuf(message, request).map_err(|error| DecodeError::Json(error.to_string()))?;
            // The bytes are ours now: an offset in them would tell the sender nothing.
            protobuf(signal, &request).map_err(|error| match error {
                DecodeError::Protobuf { kind: FaultKind::TooLarge, field, .. } => {
                    DecodeError::TooLarge(field)
                }
                DecodeError::Protobuf { kind, field, .. } => DecodeError::Json(format!("{field}: {kind}")),
                other => other,
            })
        }
    }
}

fn protobuf(signal: Signal, request: &[u8]) -> Result<Decoded, DecodeError> {
    let mut rejection = Rejection::default();
    let batch = match signal {
        Signal::Traces => spans::decode(request, &mut rejection),
        Signal::Logs => logs::decode(request, &mut rejection),
        Signal::Metrics => metrics::decode(request, &mut rejection),
    };
    let batch = batch.map_err(|error| match error {
        Stop::Fault(fault) => DecodeError::protobuf(&fault, request),
        Stop::Batch(error) => DecodeError::Batch(error),
    })?;
    let accepted = batch.num_rows() as u64;
    Ok(Decoded { batch, accepted, rejected: rejection.count(), rejection: rejection.message(signal) })
}

/// Why decoding stopped.
#[derive(Debug)]
enum Stop {
    Fault(Fault),
    Batch(throughline_model::BatchError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<throughline_model::BatchError> for Stop {
    fn from(error: throughline_model::BatchError) -> Self {
        Self::Batch(error)
    }
}

impl Stop {
    #[cold]
    fn within(self, field: &'static str) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(fault.within(field)),
            other => other,
        }
    }

    #[cold]
    fn within_item(self, field: &'static str, index: usize) -> Self {
        match self {
            Self::Fault(fault) => Self::Fault(fault.within_item(field, index)),
            other => other,
        }
    }
}

/// Bounds what a small hostile request can cost: empty items take two bytes on the wire and
/// dozens or hundreds in columns. The smallest items that say anything stay far below.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Rows.
    rows: usize,
    /// Events, links and exemplars of all rows.
    nested: usize,
    /// Rows times attribute columns, and bytes of metadata repeated on every point.
    cells: usize,
}

impl Budget {
    fn of(request: &[u8]) -> Self {
        let bytes = request.len();
        Self { rows: 65_536 + bytes / 16, nested: 65_536 + bytes / 12, cells: (16 << 20) + 2 * bytes }
    }

    /// Refuses one more row with that many attribute columns.
    #[inline]
    fn check(self, rows: usize, columns: usize, at: &[u8]) -> Result<(), Fault> {
        if rows >= self.rows || (rows + 1).saturating_mul(columns) > self.cells {
            return Err(Fault::at(FaultKind::TooLarge, at));
        }
        Ok(())
    }

    /// Refuses more nested items than that.
    #[inline]
    fn check_nested(self, nested: usize, at: &[u8]) -> Result<(), Fault> {
        if nested > self.nested { Err(Fault::at(FaultKind::TooLarge, at)) } else { Ok(()) }
    }

    /// Refuses more repeated text than that.
    #[inline]
    fn check_repeated(self, bytes: usize, at: &[u8]) -> Result<(), Fault> {
        if bytes > self.cells { Err(Fault::at(FaultKind::TooLarge, at)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
