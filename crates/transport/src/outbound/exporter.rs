//! Reads the queue, sends, and commits what is done with. One task owns all state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use throughline_pipeline::{
    BatchSettings, DurableQueue, Pipeline, Position, QueuedRequest, Registry, SettingsError,
};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::gather::{Batch, Gatherer};
use super::meters::Meters;
use super::parts::{ExportSource, ExporterParts};
use super::payload::{self, Payload};
use super::progress::Progress;
use super::send::{Ending, Sender};
use super::settings::{OtlpGrpcSettings, OtlpHttpSettings};
use super::{GrpcClient, HttpClient};

/// What shutdown left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExporterReport {
    /// Requests that were read and not sent; they come again with the next start.
    pub left_in_queue: usize,
}

/// An exporter at work. Dropping it stops it at once; what was not committed comes again.
#[derive(Debug)]
pub struct LogExporter {
    name: Arc<str>,
    stop: CancellationToken,
    task: JoinHandle<ExporterReport>,
}

impl LogExporter {
    /// Starts an exporter that sends OTLP over gRPC.
    ///
    /// # Errors
    /// Settings that make no sense, or ask for what is not there yet.
    pub fn grpc(
        name: &str,
        settings: &OtlpGrpcSettings,
        source: ExportSource,
        registry: &Registry,
    ) -> Result<Self, SettingsError> {
        let client = Arc::new(GrpcClient::new(settings)?);
        let (retry, queue) = (&settings.retry_on_failure, &settings.sending_queue);
        Ok(Self::start(ExporterParts::new(name, client, source, retry, queue, registry)))
    }

    /// Starts an exporter that sends OTLP over HTTP.
    ///
    /// # Errors
    /// Settings that make no sense, or ask for what is not there yet.
    pub fn http(
        name: &str,
        settings: &OtlpHttpSettings,
        source: ExportSource,
        registry: &Registry,
    ) -> Result<Self, SettingsError> {
        let client = Arc::new(HttpClient::new(settings)?);
        let (retry, queue) = (&settings.retry_on_failure, &settings.sending_queue);
        Ok(Self::start(ExporterParts::new(name, client, source, retry, queue, registry)))
    }

    /// Starts an exporter.
    #[must_use]
    pub fn start(parts: ExporterParts) -> Self {
        let name: Arc<str> = parts.name.as_str().into();
        let stop = CancellationToken::new();
        let json = parts.client.sends_json();
        let gathering = if json { BatchSettings { send_batch_size: 1, ..parts.batch } } else { parts.batch };
        let worker = Worker {
            queue: parts.queue,
            pipelines: parts.pipelines.iter().map(|p| (Arc::clone(p.name()), Arc::clone(p))).collect(),
            json,
            sends_max: parts.sends_max.max(1),
            read_ahead_max: parts.read_ahead_max.max(1),
            gatherer: Gatherer::new(&gathering),
            progress: Progress::default(),
            sends: JoinSet::new(),
            sender: Arc::new(Sender {
                exporter: Arc::clone(&name),
                client: parts.client,
                retry: parts.retry,
                meters: Meters::new(&parts.name, &parts.registry),
                stop: stop.clone(),
            }),
        };
        Self { name, stop, task: tokio::spawn(worker.run()) }
    }

    /// Reads no more, sends what was read, and leaves in the queue what is not sent within the
    /// grace.
    pub async fn shutdown(mut self, grace: Duration) -> ExporterReport {
        self.stop.cancel();
        match tokio::time::timeout(grace, &mut self.task).await {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => {
                tracing::error!(exporter = %self.name, %error, "the exporter's task failed");
                ExporterReport::default()
            }
            Err(_) => {
                tracing::warn!(exporter = %self.name, "sends were cut at shutdown; they come again");
                ExporterReport::default()
            }
        }
    }
}

impl Drop for LogExporter {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// Bodies above this are prepared on a thread that may block.
const PREPARE_INLINE_BYTES: usize = 128 << 10;

/// How long to wait after the log could not be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

struct Worker {
    queue: Arc<dyn DurableQueue>,
    pipelines: HashMap<Arc<str>, Arc<Pipeline>>,
    json: bool,
    sends_max: usize,
    read_ahead_max: usize,
    gatherer: Gatherer,
    progress: Progress,
    sends: JoinSet<(Vec<Position>, Ending)>,
    sender: Arc<Sender>,
}

impl Worker {
    async fn run(mut self) -> ExporterReport {
        let queue = Arc::clone(&self.queue);
        let stop = self.sender.stop.clone();
        loop {
            let due = self.gatherer.due();
            tokio::select! {
                biased;
                Some(ended) = self.sends.join_next() => self.ended(ended).await,
                () = stop.cancelled() => break,
                () = sleep_until(due), if due.is_some() => {
                    for batch in self.gatherer.take_due(Instant::now()) {
                        self.dispatch(batch).await;
                    }
                }
                // Reading waits for a free send, so that what is held stays within bounds.
                next = queue.next(), if self.may_read() => match next {
                    Ok(Some(request)) => self.read(request).await,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(exporter = %self.sender.exporter, %error, "the queue cannot be read");
                        tokio::time::sleep(READ_AGAIN).await;
                    }
                },
            }
        }
        for batch in self.gatherer.take_all() {
            self.dispatch(batch).await;
        }
        while let Some(ended) = self.sends.join_next().await {
            self.ended(ended).await;
        }
        ExporterReport { left_in_queue: self.progress.len() }
    }

    fn may_read(&self) -> bool {
        self.sends.len() < self.sends_max && self.progress.len() < self.read_ahead_max
    }

    async fn read(&mut self, request: QueuedRequest) {
        self.progress.began(request.position);
        let pipeline =
            self.pipelines.get(&request.pipeline).filter(|pipeline| pipeline.signal() == request.signal);
        let Some(pipeline) = pipeline.map(Arc::clone) else {
            self.commit(&[request.position]).await;
            return;
        };
        match self.prepare(&request, pipeline).await {
            Ok(payload) if payload.items == 0 => self.commit(&[request.position]).await,
            Ok(payload) => {
                for batch in self.gatherer.add(&request, payload, Instant::now()) {
                    self.dispatch(batch).await;
                }
            }
            Err(message) => {
                tracing::error!(exporter = %self.sender.exporter, message, "a request in the log cannot be sent");
                self.sender.meters.failed(request.signal, 0, "unreadable");
                self.commit(&[request.position]).await;
            }
        }
    }

    async fn prepare(&self, request: &QueuedRequest, pipeline: Arc<Pipeline>) -> Result<Payload, String> {
        let json = self.json;
        if request.raw.len() <= PREPARE_INLINE_BYTES {
            return payload::prepare(request, &pipeline, json);
        }
        let request = request.clone();
        let task = tokio::task::spawn_blocking(move || payload::prepare(&request, &pipeline, json));
        task.await.unwrap_or_else(|_| Err("preparing failed".to_owned()))
    }

    async fn dispatch(&mut self, batch: Batch) {
        while self.sends.len() >= self.sends_max {
            if let Some(ended) = self.sends.join_next().await {
                self.ended(ended).await;
            }
        }
        let sender = Arc::clone(&self.sender);
        self.sends.spawn(async move {
            let ending = sender.send(&batch).await;
            (batch.positions, ending)
        });
        self.sender.meters.queue_size.set(self.progress.len() as u64);
    }

    async fn ended(&mut self, ended: Result<(Vec<Position>, Ending), tokio::task::JoinError>) {
        match ended {
            Ok((positions, Ending::Done)) => self.commit(&positions).await,
            Ok((_, Ending::LeftInQueue)) => {}
            // Its requests stay uncommitted and come again with the next start.
            Err(error) => tracing::error!(exporter = %self.sender.exporter, %error, "a send's task failed"),
        }
    }

    async fn commit(&mut self, positions: &[Position]) {
        let Some(position) = self.progress.ended(positions) else {
            return;
        };
        self.sender.meters.queue_size.set(self.progress.len() as u64);
        if let Err(error) = self.queue.commit(position).await {
            // A later commit covers this one; after a restart the requests would be sent twice.
            tracing::warn!(exporter = %self.sender.exporter, %error, "progress could not be kept");
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
