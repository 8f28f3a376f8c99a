//! A destination that answers as told, and queues that are filled by hand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use throughline_model::{Signal, SystemClock, Tenant};
use throughline_pipeline::{BatchSettings, Delivery, MemoryQueue, Pipeline, Registry, Sink};
use throughline_transport::outbound::{
    Client, ExporterParts, LogExporter, Outgoing, Receipt, RetrySettings, SendError,
};
use throughline_wire::otlp::{self, Encoding};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::requests::Request;

/// What the destination does with an attempt.
pub(crate) type Script = Vec<Result<Receipt, SendError>>;

pub(crate) struct FakeClient {
    script: Mutex<VecDeque<Result<Receipt, SendError>>>,
    attempts: Mutex<Vec<(Instant, Outgoing)>>,
    seen: watch::Sender<usize>,
}

impl FakeClient {
    pub(crate) fn new(script: Script) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into()),
            attempts: Mutex::default(),
            seen: watch::Sender::new(0),
        })
    }

    pub(crate) fn attempts(&self) -> Vec<(Instant, Outgoing)> {
        self.attempts.lock().clone()
    }

    pub(crate) async fn attempted(&self, count: usize) {
        self.seen.subscribe().wait_for(|seen| *seen >= count).await.unwrap();
    }
}

#[async_trait]
impl Client for FakeClient {
    fn sends_json(&self) -> bool {
        false
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Receipt, SendError> {
        self.attempts.lock().push((Instant::now(), outgoing));
        self.seen.send_modify(|seen| *seen += 1);
        let next = self.script.lock().pop_front();
        next.unwrap_or(Ok(Receipt::default()))
    }
}

pub(crate) fn retryable(retry_after: Option<Duration>) -> Result<Receipt, SendError> {
    Err(SendError { message: "busy".into(), reason: "unavailable", retryable: true, retry_after })
}

pub(crate) fn permanent() -> Result<Receipt, SendError> {
    Err(SendError { message: "no".into(), reason: "invalid_argument", retryable: false, retry_after: None })
}

pub(crate) const QUEUE_MAX: usize = 1000;

/// Puts a request into a queue, as a receiver and a pipeline without processors would.
pub(crate) async fn enqueue(queue: &MemoryQueue, request: &Request, encoding: Encoding, tenant: &str) {
    let raw = if encoding == Encoding::Json { &request.json } else { &request.protobuf };
    let batch = otlp::decode(request.signal, encoding, raw).unwrap().batch;
    let delivery = Delivery {
        tenant: Tenant::new(tenant).unwrap(),
        signal: request.signal,
        encoding: encoding.code(),
        pipeline: request.signal.name().into(),
        received_ns: throughline_model::Clock::now_ns(&SystemClock),
        raw: raw.clone().into(),
        batch,
    };
    queue.accept(delivery).await.unwrap();
}

/// No gathering, retries after 10 ms.
pub(crate) fn parts(client: Arc<dyn Client>, queue: &Arc<MemoryQueue>, registry: &Registry) -> ExporterParts {
    let pipelines =
        Signal::ALL.map(|signal| Arc::new(Pipeline::new(signal.name(), signal, vec![], vec![], registry)));
    ExporterParts {
        name: "otlp/test".into(),
        client,
        queue: Arc::clone(queue) as _,
        pipelines: pipelines.to_vec(),
        retry: RetrySettings { initial_interval: Duration::from_millis(10), ..RetrySettings::default() },
        batch: BatchSettings { send_batch_size: 1, timeout: Duration::ZERO, ..BatchSettings::default() },
        sends_max: 4,
        read_ahead_max: 100,
        registry: registry.clone(),
    }
}

/// Runs an exporter until the queue is empty.
pub(crate) async fn drain(parts: ExporterParts, queue: &MemoryQueue) {
    let exporter = LogExporter::start(parts);
    queue.drained().await;
    assert_eq!(exporter.shutdown(Duration::from_secs(5)).await.left_in_queue, 0);
}
