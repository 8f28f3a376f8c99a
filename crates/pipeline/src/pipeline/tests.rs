use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use throughline_model::Tenant;

use super::*;

/// A delivery with some rows.
pub(crate) fn delivery(rows: i64) -> Delivery {
    let column: ArrayRef = Arc::new((0..rows).collect::<Int64Array>());
    Delivery {
        tenant: Tenant::default(),
        signal: Signal::Traces,
        encoding: 1,
        pipeline: "".into(),
        received_ns: 0,
        raw: Bytes::from_static(b"raw"),
        batch: RecordBatch::try_from_iter([("n", column)]).unwrap(),
    }
}

/// Answers as told and keeps what it saw.
#[derive(Default)]
struct Recorder {
    refusal: Option<Refusal>,
    seen: Mutex<Vec<Delivery>>,
}

#[async_trait]
impl Sink for Recorder {
    async fn accept(&self, delivery: Delivery) -> Result<(), Refusal> {
        self.seen.lock().push(delivery);
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

fn recorder(refusal: Option<Refusal>) -> Arc<Recorder> {
    Arc::new(Recorder { refusal, seen: Mutex::default() })
}

/// Keeps the first row.
struct First;

impl Processor for First {
    fn name(&self) -> &str {
        "first"
    }
    fn process(&self, _: Signal, batch: RecordBatch) -> Result<RecordBatch, ProcessError> {
        Ok(batch.slice(0, 1))
    }
}

fn pipeline(
    processors: Vec<Arc<dyn Processor>>,
    outputs: &[(&Arc<Recorder>, Acknowledgement)],
) -> (Pipeline, Registry) {
    let registry = Registry::default();
    let outputs = outputs
        .iter()
        .map(|(sink, acknowledgement)| {
            Output::new("out", Arc::clone(sink) as Arc<dyn Sink>, *acknowledgement)
        })
        .collect();
    (Pipeline::new("traces/shop", Signal::Traces, processors, outputs, &registry), registry)
}

#[tokio::test]
async fn sinks_see_processed_rows_the_raw_bytes_and_the_pipelines_name() {
    let sink = recorder(None);
    let (pipeline, _) = pipeline(vec![Arc::new(First)], &[(&sink, Acknowledgement::Required)]);
    pipeline.run(delivery(5)).await.unwrap();
    let seen = sink.seen.lock();
    assert_eq!(
        (seen[0].batch.num_rows(), &seen[0].raw[..], &*seen[0].pipeline),
        (1, &b"raw"[..], "traces/shop")
    );
}

#[tokio::test]
async fn ok_needs_every_required_sink_and_each_gets_the_data() {
    let refusal = Refusal::unavailable("disk full", Duration::from_secs(2));
    let (good, bad) = (recorder(None), recorder(Some(refusal.clone())));
    let required = Acknowledgement::Required;
    let (pipeline, _) = pipeline(vec![], &[(&bad, required), (&good, required)]);
    assert_eq!(pipeline.run(delivery(2)).await, Err(refusal));
    assert_eq!(good.seen.lock().len(), 1);
}

#[tokio::test]
async fn a_best_effort_sink_does_not_reach_the_sender_and_its_loss_is_counted() {
    let (good, bad) = (recorder(None), recorder(Some(Refusal::internal("broken"))));
    let (pipeline, registry) =
        pipeline(vec![], &[(&good, Acknowledgement::Required), (&bad, Acknowledgement::BestEffort)]);
    assert_eq!(pipeline.run(delivery(3)).await, Ok(()));
    let text = registry.render();
    assert!(text.contains("otelcol_exporter_enqueue_failed_spans{exporter=\"out\"} 3"), "{text}");
}

#[tokio::test]
async fn a_batch_without_rows_reaches_no_sink() {
    let sink = recorder(None);
    let (pipeline, _) = pipeline(vec![], &[(&sink, Acknowledgement::Required)]);
    assert_eq!(pipeline.run(delivery(0)).await, Ok(()));
    assert!(sink.seen.lock().is_empty());
}

/// Fails on every batch.
struct Broken;

impl Processor for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn process(&self, _: Signal, _: RecordBatch) -> Result<RecordBatch, ProcessError> {
        Err(ProcessError { processor: "broken".into(), message: "no such column".into() })
    }
}

#[tokio::test]
async fn a_processor_that_fails_refuses_the_request() {
    let sink = recorder(None);
    let (pipeline, _) = pipeline(vec![Arc::new(Broken)], &[(&sink, Acknowledgement::Required)]);
    let refusal = pipeline.run(delivery(1)).await.unwrap_err();
    assert_eq!(refusal.message, "processor broken: no such column");
    assert!(sink.seen.lock().is_empty());
}
