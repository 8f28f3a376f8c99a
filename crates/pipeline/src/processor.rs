//! What changes batches between receiver and sinks.

use arrow::array::RecordBatch;
use throughline_model::Signal;

/// A pure step over a batch. The same batch always gives the same result: replay after a crash
/// and exporters run it again.
pub trait Processor: Send + Sync {
    /// The component's type in the configuration, as `resource`.
    fn name(&self) -> &str;

    /// Changes a batch.
    ///
    /// # Errors
    /// The batch does not have the shape the model prescribes.
    fn process(&self, signal: Signal, batch: RecordBatch) -> Result<RecordBatch, ProcessError>;
}

/// A processor could not run over a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("processor {processor}: {message}")]
pub struct ProcessError {
    /// The processor's name.
    pub processor: String,
    /// What was wrong with the batch.
    pub message: String,
}
