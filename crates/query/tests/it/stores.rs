//! Stores in temporary directories, and putting rows into them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use tempfile::TempDir;
use throughline_model::{
    Attributes, LogBatchBuilder, LogRecord, MetricBatchBuilder, MetricPoint, Resource, Signal, Span,
    SpanBatchBuilder, SpanId, Tenant, TraceId, Value,
};
use throughline_query::{Engine, Limits, TimeRange};
use throughline_store::{Append, Durability, Store, StoreConfig, WalRecord};

/// A store that goes away with its directory.
pub(crate) struct TestStore {
    pub(crate) store: Arc<Store>,
    _directory: TempDir,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = StoreConfig { durability: Durability::Relaxed, ..StoreConfig::new(directory.path()) };
        let replay = Arc::new(|_: &WalRecord| Err("nothing is replayed".to_owned()));
        let (store, _) = Store::open(config, replay).await.unwrap();
        Self { store, _directory: directory }
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.store.clone(), Limits::default())
    }

    async fn append(&self, signal: Signal, batch: RecordBatch) {
        let request = Append {
            tenant: Tenant::default(),
            signal,
            encoding: 0,
            pipeline: "test".into(),
            received_ns: 1,
            raw: Bytes::from_static(b"x"),
            batch,
        };
        self.store.append(request).await.unwrap();
    }

    pub(crate) async fn spans(&self, spans: &[Span]) {
        let mut builder = SpanBatchBuilder::new();
        spans.iter().for_each(|span| builder.push(span).unwrap());
        self.append(Signal::Traces, builder.finish().unwrap()).await;
    }

    pub(crate) async fn logs(&self, records: &[LogRecord]) {
        let mut builder = LogBatchBuilder::new();
        records.iter().for_each(|record| builder.push(record).unwrap());
        self.append(Signal::Logs, builder.finish().unwrap()).await;
    }

    pub(crate) async fn points(&self, points: &[MetricPoint]) {
        let mut builder = MetricBatchBuilder::new();
        points.iter().for_each(|point| builder.push(point).unwrap());
        self.append(Signal::Metrics, builder.finish().unwrap()).await;
    }
}

pub(crate) const ALL: TimeRange = TimeRange::ALL;

pub(crate) fn resource(service: &str, more: Attributes) -> Arc<Resource> {
    let mut attributes = vec![("service.name".to_owned(), Value::from(service))];
    attributes.extend(more);
    Arc::new(Resource { attributes, ..Resource::default() })
}

pub(crate) fn trace_id(id: u64) -> TraceId {
    TraceId::from_hex(&format!("{id:x}")).unwrap()
}

pub(crate) fn span_id(id: u64) -> SpanId {
    SpanId(id.to_be_bytes())
}

/// A span of `service`; `parent` 0 is none.
pub(crate) fn span(service: &str, trace: u64, id: u64, parent: u64, start_ns: i64) -> Span {
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(id),
        parent_span_id: (parent > 0).then(|| span_id(parent)),
        name: format!("span {id}"),
        start_ns,
        duration_ns: 10,
        resource: resource(service, Vec::new()),
        ..Span::default()
    }
}
