//! Stores filled with spans, and their answers as rows.

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use std::sync::Arc;
use tempfile::TempDir;
use throughline_model::{Signal, Span, SpanBatchBuilder, Tenant, rows};
use throughline_store::scan::{Columns, Filter, Limit, Order, ScanRequest, ScanStats};
use throughline_store::{Append, Error, Store, StoreConfig};

/// An open store and its directory.
pub(super) struct Fixture {
    pub(super) store: Arc<Store>,
    _directory: TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = StoreConfig::new(directory.path());
        // Nothing happens by itself.
        config.flush.interval = std::time::Duration::from_secs(3_600);
        config.compaction.enabled = false;
        // The spans are of 1970.
        config.retention.age_max = std::time::Duration::ZERO;
        let replay = Arc::new(|_: &throughline_store::WalRecord| Err("nothing to replay".to_owned()));
        let (store, _) = Store::open(config, replay).await.unwrap();
        Self { store, _directory: directory }
    }

    pub(super) async fn append(&self, spans: &[Span]) {
        let mut builder = SpanBatchBuilder::new();
        for span in spans {
            builder.push(span).unwrap();
        }
        self.append_batch(Signal::Traces, builder.finish().unwrap()).await;
    }

    pub(super) async fn append_batch(&self, signal: Signal, batch: RecordBatch) {
        let append = Append {
            tenant: Tenant::default(),
            signal,
            encoding: 0,
            pipeline: "all".into(),
            received_ns: 0,
            raw: bytes::Bytes::from_static(b"raw"),
            batch,
        };
        self.store.append(append).await.unwrap();
    }

    /// Some spans in a segment each, the last ones live.
    pub(super) async fn fill(&self, segments: &[&[Span]], live: &[Span]) {
        for spans in segments {
            self.append(spans).await;
            self.store.flush().await.unwrap();
        }
        for spans in live.chunks(7) {
            self.append(spans).await;
        }
    }

    pub(super) async fn scan(&self, request: ScanRequest) -> Result<Vec<Span>, Error> {
        self.scan_with_stats(request).await.map(|(spans, _)| spans)
    }

    pub(super) async fn scan_with_stats(
        &self,
        request: ScanRequest,
    ) -> Result<(Vec<Span>, ScanStats), Error> {
        let mut stream = self.store.scan(request)?;
        let mut spans = Vec::new();
        while let Some(batch) = stream.try_next().await? {
            spans.extend(rows::spans(&batch).unwrap());
        }
        Ok((spans, stream.stats()))
    }

    pub(super) async fn batches(&self, request: ScanRequest) -> Vec<RecordBatch> {
        self.batches_with_stats(request).await.0
    }

    pub(super) async fn batches_with_stats(&self, request: ScanRequest) -> (Vec<RecordBatch>, ScanStats) {
        let stream = self.store.scan(request).unwrap();
        let handle = stream.stats_handle();
        (stream.try_collect().await.unwrap(), handle.stats())
    }
}

/// All columns, newest first.
pub(super) fn newest(filter: &Filter, limit: Limit) -> ScanRequest {
    let request = ScanRequest::new(Tenant::default(), Signal::Traces);
    ScanRequest { filter: filter.clone(), order: Order::NewestFirst, limit, columns: Columns::All, ..request }
}

/// What tells a span from others, for comparing answers.
pub(super) fn key(span: &Span) -> (std::cmp::Reverse<i64>, [u8; 16], [u8; 8]) {
    (std::cmp::Reverse(span.start_ns), span.trace_id.0, span.span_id.0)
}
