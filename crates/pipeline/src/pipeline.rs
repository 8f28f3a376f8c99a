//! Runs deliveries through processors to sinks.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::future::join_all;
use throughline_model::Signal;

use crate::metrics::{self, Counter, Registry};
use crate::{Delivery, ProcessError, Processor, Refusal, Sink};

/// Whether a sink's answer is part of the answer to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// The sender's OK waits for this sink's OK.
    Required,
    /// A refusal is counted and logged, and does not reach the sender (the debug exporter).
    BestEffort,
}

/// A sink and its place in the pipeline.
#[derive(Clone)]
pub struct Output {
    name: Arc<str>,
    sink: Arc<dyn Sink>,
    acknowledgement: Acknowledgement,
}

impl Output {
    /// A sink under its name in the configuration.
    #[must_use]
    pub fn new(name: &str, sink: Arc<dyn Sink>, acknowledgement: Acknowledgement) -> Self {
        Self { name: name.into(), sink, acknowledgement }
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One entry of `service.pipelines`: processors in order, then every sink at once.
pub struct Pipeline {
    name: Arc<str>,
    signal: Signal,
    processors: Vec<Arc<dyn Processor>>,
    outputs: Vec<Output>,
    dropped: Vec<Counter>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.name)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// A pipeline under its name in the configuration, as `traces` or `traces/shop`.
    #[must_use]
    pub fn new(
        name: &str,
        signal: Signal,
        processors: Vec<Arc<dyn Processor>>,
        outputs: Vec<Output>,
        registry: &Registry,
    ) -> Self {
        let dropped = outputs
            .iter()
            .map(|output| {
                registry.counter(metrics::exporter_enqueue_failed(signal), &[("exporter", &output.name)])
            })
            .collect();
        Self { name: name.into(), signal, processors, outputs, dropped }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The signal that runs through.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Whether the sinks see other rows than were decoded.
    #[must_use]
    pub fn has_processors(&self) -> bool {
        !self.processors.is_empty()
    }

    /// Runs the processors alone: what replay and exporters do with a decoded batch.
    ///
    /// # Errors
    /// A processor could not run.
    pub fn process(&self, batch: RecordBatch) -> Result<RecordBatch, ProcessError> {
        self.processors.iter().try_fold(batch, |batch, processor| processor.process(self.signal, batch))
    }

    /// Runs a delivery through the processors and to every sink. A batch without rows reaches no
    /// sink. `Ok` means that every sink whose acknowledgement is required has accepted.
    ///
    /// # Errors
    /// A processor failed, or a required sink refused; the others may have kept the data, so that
    /// a sender who tries again makes duplicates there.
    pub async fn run(&self, mut delivery: Delivery) -> Result<(), Refusal> {
        delivery.pipeline = Arc::clone(&self.name);
        if delivery.batch.num_rows() > 0 {
            delivery.batch = self.process(delivery.batch).map_err(|fault| {
                tracing::error!(pipeline = %self.name, %fault, "a processor failed");
                Refusal::internal(fault.to_string())
            })?;
        }
        if delivery.batch.num_rows() == 0 {
            return Ok(());
        }
        match self.outputs.as_slice() {
            [only] => self.hand_over(0, only, delivery).await,
            outputs => {
                let sends =
                    outputs.iter().enumerate().map(|(i, output)| self.hand_over(i, output, delivery.clone()));
                let refusals = join_all(sends).await.into_iter().filter_map(Result::err);
                refusals.reduce(Refusal::prevailing).map_or(Ok(()), Err)
            }
        }
    }

    async fn hand_over(&self, index: usize, output: &Output, delivery: Delivery) -> Result<(), Refusal> {
        let items = delivery.items();
        let answer = output.sink.accept(delivery).await;
        match (answer, output.acknowledgement) {
            (Err(refusal), Acknowledgement::BestEffort) => {
                if let Some(dropped) = self.dropped.get(index) {
                    dropped.add(items);
                }
                tracing::warn!(pipeline = %self.name, sink = %output.name, %refusal, items, "data dropped");
                Ok(())
            }
            (answer, _) => answer,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
