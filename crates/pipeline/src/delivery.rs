//! One accepted request on its way to the sinks.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use throughline_model::{Signal, Tenant};

/// A request as it came, and what it decoded to. Cheap to clone: bytes and columns are shared.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Who the data belongs to.
    pub tenant: Tenant,
    /// What kind of data it is.
    pub signal: Signal,
    /// The stable code of the encoding of [`raw`](Self::raw), as the log keeps it.
    pub encoding: u8,
    /// Name of the pipeline the delivery runs through. Replay runs the same one.
    pub pipeline: Arc<str>,
    /// When the request came, in nanoseconds since the epoch.
    pub received_ns: i64,
    /// The request's body, decompressed, before any processor.
    pub raw: Bytes,
    /// The decoded rows; after the processors once the sinks see them.
    pub batch: RecordBatch,
}

impl Delivery {
    /// How many spans, log records or metric points the batch has.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.batch.num_rows() as u64
    }
}
