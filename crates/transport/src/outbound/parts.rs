//! What an exporter is put together from.

use std::sync::Arc;

use throughline_pipeline::{BatchSettings, DurableQueue, Pipeline, Registry};

use super::client::Client;
use super::retry::RetrySettings;
use super::sending_queue::SendingQueueSettings;

/// Where an exporter's requests come from.
pub struct ExportSource {
    /// The log.
    pub queue: Arc<dyn DurableQueue>,
    /// The pipelines that name the exporter; requests of others are passed over.
    pub pipelines: Vec<Arc<Pipeline>>,
    /// How requests are gathered, unless the exporter's `sending_queue.batch` says.
    pub batch: BatchSettings,
}

impl std::fmt::Debug for ExportSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportSource").field("pipelines", &self.pipelines).finish_non_exhaustive()
    }
}

/// What an exporter is made of.
pub struct ExporterParts {
    /// Name in the configuration, as `otlp/tempo`.
    pub name: String,
    /// The protocol and destination.
    pub client: Arc<dyn Client>,
    /// Where requests come from.
    pub queue: Arc<dyn DurableQueue>,
    /// The pipelines that name this exporter; requests of others are passed over.
    pub pipelines: Vec<Arc<Pipeline>>,
    /// When to try again.
    pub retry: RetrySettings,
    /// How requests are gathered into sends.
    pub batch: BatchSettings,
    /// Sends at once.
    pub sends_max: usize,
    /// Requests that may be read ahead of the first that is not done with.
    pub read_ahead_max: usize,
    /// Where to count.
    pub registry: Registry,
}

impl std::fmt::Debug for ExporterParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExporterParts").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ExporterParts {
    pub(super) fn new(
        name: &str,
        client: Arc<dyn Client>,
        source: ExportSource,
        retry: &RetrySettings,
        sending_queue: &SendingQueueSettings,
        registry: &Registry,
    ) -> Self {
        Self {
            name: name.to_owned(),
            client,
            queue: source.queue,
            pipelines: source.pipelines,
            retry: retry.clone(),
            batch: sending_queue.gathering(source.batch),
            sends_max: sending_queue.num_consumers,
            read_ahead_max: sending_queue.queue_size,
            registry: registry.clone(),
        }
    }
}
