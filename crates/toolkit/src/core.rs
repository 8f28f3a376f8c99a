//! What the layer, the boundaries and the export thread share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use opentelemetry::metrics::Meter;

use crate::ShutdownReport;
use crate::db::instruments::DbInstruments;
use crate::export::console::Output;
use crate::export::metrics::MetricRequest;
#[cfg(feature = "tonic")]
use crate::grpc::instruments::RpcInstruments;
#[cfg(any(feature = "axum", feature = "reqwest"))]
use crate::http::metrics::HttpInstruments;
use crate::json_log;
#[cfg(any(feature = "rdkafka", feature = "krafka"))]
use crate::kafka::instruments::KafkaInstruments;
use crate::layer::event::LogData;
use crate::layer::span_data::SpanData;
#[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
use crate::messaging::instruments::MessagingInstruments;
use crate::metrics::exemplars::Exemplars;
#[cfg(feature = "nats")]
use crate::nats::metrics::NatsInstruments;
#[cfg(feature = "outbox")]
use crate::outbox::instruments::OutboxInstruments;
use crate::queue::{Pool, Queue};
use crate::sampler::Sampler;
use crate::settings::{ExporterKind, Settings};

/// Shared state of one running telemetry.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) sampler: Sampler,
    pub(crate) spans: Queue<Box<SpanData>>,
    pub(crate) span_pool: Pool<SpanData>,
    pub(crate) logs: Queue<Box<LogData>>,
    pub(crate) log_pool: Pool<LogData>,
    pub(crate) metrics: Arc<Queue<MetricRequest>>,
    pub(crate) output: Arc<dyn Output>,
    #[cfg(any(feature = "axum", feature = "reqwest"))]
    pub(crate) http: HttpInstruments,
    #[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
    pub(crate) messaging: MessagingInstruments,
    #[cfg(feature = "outbox")]
    pub(crate) outbox: OutboxInstruments,
    #[cfg(feature = "tonic")]
    pub(crate) rpc: RpcInstruments,
    #[cfg(feature = "nats")]
    pub(crate) nats: NatsInstruments,
    pub(crate) db: DbInstruments,
    #[cfg(any(feature = "rdkafka", feature = "krafka"))]
    pub(crate) kafka: KafkaInstruments,
    pub(crate) exemplars: Arc<Exemplars>,
    #[cfg(feature = "prometheus")]
    pub(crate) prometheus: Option<crate::prometheus::PrometheusReader>,
    #[cfg(feature = "runtime")]
    pub(crate) runtimes: crate::runtime::Runtimes,
    #[cfg(feature = "audit")]
    pub(crate) auditor: Option<crate::audit::Auditor>,
    /// Recorded spans begun so far; those that ended are counted where they are queued.
    started_spans: AtomicI64,
}

/// How many batches' worth of records keep their memory for reuse.
const POOLED_BATCHES: usize = 8;

impl Core {
    pub(crate) fn new(
        settings: Settings,
        output: Arc<dyn Output>,
        metrics: Arc<Queue<MetricRequest>>,
        exemplars: Arc<Exemplars>,
        meter: &Meter,
    ) -> Self {
        Self {
            sampler: settings.sampler.clone(),
            spans: Queue::new(settings.traces.batch.queue),
            span_pool: Pool::new(settings.traces.batch.queue.batch * POOLED_BATCHES),
            logs: Queue::new(settings.logs.batch.queue),
            log_pool: Pool::new(settings.logs.batch.queue.batch * POOLED_BATCHES),
            metrics,
            #[cfg(any(feature = "axum", feature = "reqwest"))]
            http: HttpInstruments::new(meter, &exemplars),
            #[cfg(any(feature = "nats", feature = "kafka", feature = "outbox"))]
            messaging: MessagingInstruments::new(meter, &exemplars),
            #[cfg(feature = "outbox")]
            outbox: OutboxInstruments::new(meter, &exemplars),
            #[cfg(feature = "tonic")]
            rpc: RpcInstruments::new(meter, &exemplars),
            #[cfg(feature = "nats")]
            nats: NatsInstruments::new(meter),
            db: DbInstruments::new(meter, &exemplars),
            #[cfg(feature = "prometheus")]
            prometheus: None,
            #[cfg(feature = "runtime")]
            runtimes: crate::runtime::Runtimes::default(),
            #[cfg(feature = "audit")]
            auditor: crate::audit::Auditor::new(settings.audit, settings.exceptions, meter),
            #[cfg(any(feature = "rdkafka", feature = "krafka"))]
            kafka: KafkaInstruments::new(meter),
            started_spans: AtomicI64::new(0),
            output,
            exemplars,
            settings,
        }
    }

    /// Lets Prometheus read by this reader.
    #[cfg(feature = "prometheus")]
    pub(crate) fn with_prometheus(mut self, reader: Option<crate::prometheus::SharedReader>) -> Self {
        let exemplars = || Arc::clone(&self.exemplars);
        self.prometheus = reader.map(|r| crate::prometheus::PrometheusReader::new(r, exemplars()));
        self
    }

    pub(crate) fn span_started(&self) {
        self.started_spans.fetch_add(1, Ordering::Relaxed);
    }

    /// A started span turned out not to be sampled.
    pub(crate) fn span_abandoned(&self) {
        self.started_spans.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn span_ended(&self, data: Box<SpanData>) {
        let bytes = data.bytes();
        if let Err(mut refused) = self.spans.push(data, bytes, 1) {
            refused.reset();
            self.span_pool.put(refused);
        }
    }

    /// Writes the JSON line and queues the record for export.
    pub(crate) fn log(&self, mut record: Box<LogData>) {
        #[cfg(feature = "audit")]
        if let Some(auditor) = &self.auditor {
            auditor.redact_log(&mut record);
        }
        if self.settings.log_lines {
            json_log::write(&record, &self.settings.service_name, &*self.output);
        }
        if self.settings.logs.exporter == ExporterKind::None {
            record.reset();
            return self.log_pool.put(record);
        }
        let bytes = record.bytes();
        if let Err(mut refused) = self.logs.push(record, bytes, 1) {
            refused.reset();
            self.log_pool.put(refused);
        }
    }

    pub(crate) fn report(&self, complete: bool) -> ShutdownReport {
        let spans = self.spans.report();
        let started = u64::try_from(self.started_spans.load(Ordering::Relaxed)).unwrap_or(0);
        ShutdownReport {
            logs: self.logs.report(),
            metrics: self.metrics.report(),
            open_spans: started.saturating_sub(spans.recorded),
            spans,
            log_lines_dropped: 0,
            complete,
        }
    }
}
