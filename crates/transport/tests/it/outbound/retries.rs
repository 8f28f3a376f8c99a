//! What is tried again, when, and what becomes of the rest. Time is paused.

use std::sync::Arc;
use std::time::Duration;

use throughline_model::Signal;
use throughline_pipeline::{BatchSettings, MemoryQueue, Pipeline, Position, Registry, ResourceProcessor};
use throughline_transport::outbound::{LogExporter, Receipt, RetrySettings};
use throughline_wire::otlp::{self, Encoding};

use super::fake_client::{FakeClient, QUEUE_MAX, Script, drain, enqueue, parts, permanent, retryable};
use crate::requests;

struct Run {
    client: Arc<FakeClient>,
    metrics: String,
}

/// Sends one request of three spans with the Collector's retry settings.
async fn run(script: Script) -> Run {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    enqueue(&queue, &requests::spans(3), Encoding::Protobuf, "anonymous").await;
    let client = FakeClient::new(script);
    let mut parts = parts(Arc::clone(&client) as _, &queue, &registry);
    parts.retry = RetrySettings::default();
    drain(parts, &queue).await;
    Run { client, metrics: registry.render() }
}

impl Run {
    fn counts(&self, series: &str, value: u64) {
        let line = format!("{series} {value}\n");
        assert!(self.metrics.contains(&line), "no {line:?} in\n{}", self.metrics);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_retryable_is_tried_until_it_is_taken() {
    let run = run(vec![retryable(None), retryable(None)]).await;
    let attempts = run.client.attempts();
    assert_eq!(attempts.len(), 3);
    for (pair, expected) in attempts.windows(2).zip([5.0, 7.5]) {
        let delay = (pair[1].0 - pair[0].0).as_secs_f64();
        assert!((expected * 0.49..=expected * 1.51).contains(&delay), "{delay} around {expected}");
    }
    run.counts("otelcol_exporter_sent_spans{exporter=\"otlp/test\"}", 3);
    run.counts("otelcol_exporter_retries{exporter=\"otlp/test\"}", 2);
}

#[tokio::test(start_paused = true)]
async fn the_destinations_delay_is_waited_for() {
    let run = run(vec![retryable(Some(Duration::from_secs(40)))]).await;
    let attempts = run.client.attempts();
    assert!(attempts[1].0 - attempts[0].0 >= Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn what_is_permanent_is_counted_and_not_tried_again() {
    let run = run(vec![permanent()]).await;
    assert_eq!(run.client.attempts().len(), 1);
    run.counts("otelcol_exporter_send_failed_spans{exporter=\"otlp/test\",reason=\"invalid_argument\"}", 3);
    run.counts("otelcol_exporter_sent_spans{exporter=\"otlp/test\"}", 0);
}

#[tokio::test(start_paused = true)]
async fn after_five_minutes_it_is_given_up_and_counted() {
    let run = run((0..1000).map(|_| retryable(None)).collect()).await;
    let attempts = run.client.attempts();
    let tried_for = attempts[attempts.len() - 1].0 - attempts[0].0;
    assert!((Duration::from_secs(240)..=Duration::from_secs(300)).contains(&tried_for), "{tried_for:?}");
    run.counts("otelcol_exporter_send_failed_spans{exporter=\"otlp/test\",reason=\"retries_exhausted\"}", 3);
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_is_counted_and_not_tried_again() {
    let run = run(vec![Ok(Receipt { rejected: 2, message: "too old".into() })]).await;
    assert_eq!(run.client.attempts().len(), 1);
    run.counts("otelcol_exporter_sent_spans{exporter=\"otlp/test\"}", 1);
    run.counts(
        "otelcol_exporter_send_failed_spans{exporter=\"otlp/test\",reason=\"rejected_by_destination\"}",
        2,
    );
    run.counts("otelcol_exporter_partial_rejected_items{exporter=\"otlp/test\",signal=\"traces\"}", 2);
}

#[tokio::test(start_paused = true)]
async fn requests_are_gathered_into_one_send() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    for _ in 0..10 {
        enqueue(&queue, &requests::spans(3), Encoding::Protobuf, "anonymous").await;
    }
    enqueue(&queue, &requests::spans(3), Encoding::Json, "anonymous").await;
    let client = FakeClient::new(vec![]);
    let mut parts = parts(Arc::clone(&client) as _, &queue, &registry);
    parts.batch = BatchSettings::default();
    drain(parts, &queue).await;
    let attempts = client.attempts();
    assert_eq!(attempts.len(), 1);
    let sent = otlp::decode(Signal::Traces, Encoding::Protobuf, &attempts[0].1.body).unwrap();
    assert_eq!((sent.accepted, sent.rejected), (33, 0));
}

#[tokio::test(start_paused = true)]
async fn tenants_are_sent_apart() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    for tenant in ["a", "b", "a"] {
        enqueue(&queue, &requests::spans(1), Encoding::Protobuf, tenant).await;
    }
    let client = FakeClient::new(vec![]);
    let mut parts = parts(Arc::clone(&client) as _, &queue, &registry);
    parts.batch = BatchSettings::default();
    drain(parts, &queue).await;
    let mut tenants: Vec<String> =
        client.attempts().iter().map(|(_, sent)| sent.tenant.to_string()).collect();
    tenants.sort();
    assert_eq!(tenants, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_has_gone_through_the_processors_and_lost_what_was_rejected() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    enqueue(&queue, &requests::spans_of_which_one_is_bad(2), Encoding::Protobuf, "anonymous").await;
    let client = FakeClient::new(vec![]);
    let mut parts = parts(Arc::clone(&client) as _, &queue, &registry);
    let settings = serde_yaml_ng::from_str("attributes: [{key: env, value: dev, action: upsert}]").unwrap();
    let resource = Arc::new(ResourceProcessor::new(settings));
    parts.pipelines =
        vec![Arc::new(Pipeline::new("traces", Signal::Traces, vec![resource], vec![], &registry))];
    drain(parts, &queue).await;
    let sent = otlp::decode(Signal::Traces, Encoding::Protobuf, &client.attempts()[0].1.body).unwrap();
    assert_eq!((sent.accepted, sent.rejected), (2, 0));
    let spans = throughline_model::rows::spans(&sent.batch).unwrap();
    assert_eq!(spans[0].resource.get("env"), Some(&"dev".into()));
}

#[tokio::test(start_paused = true)]
async fn requests_of_other_pipelines_are_passed_over() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    enqueue(&queue, &requests::one(Signal::Logs), Encoding::Protobuf, "anonymous").await;
    enqueue(&queue, &requests::spans(1), Encoding::Protobuf, "anonymous").await;
    let client = FakeClient::new(vec![]);
    let mut parts = parts(Arc::clone(&client) as _, &queue, &registry);
    parts.pipelines.retain(|pipeline| pipeline.signal() == Signal::Traces);
    drain(parts, &queue).await;
    assert_eq!(client.attempts().len(), 1);
    assert_eq!(queue.committed(), Position(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_waiting_for_its_retry_at_shutdown_stays_in_the_queue_and_comes_again() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    for _ in 0..2 {
        enqueue(&queue, &requests::spans(1), Encoding::Protobuf, "anonymous").await;
    }
    let client = FakeClient::new(vec![retryable(Some(Duration::from_secs(100)))]);
    let mut first = parts(Arc::clone(&client) as _, &queue, &registry);
    first.sends_max = 1;
    let exporter = LogExporter::start(first);
    client.attempted(1).await;
    let report = exporter.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.left_in_queue, queue.committed()), (1, Position(0)));
    queue.rewind();
    drain(parts(Arc::clone(&client) as _, &queue, &registry), &queue).await;
    assert_eq!(client.attempts().len(), 3, "one refused, two taken");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_held_up_does_not_hold_up_others_but_their_commit() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    for _ in 0..8 {
        enqueue(&queue, &requests::spans(1), Encoding::Protobuf, "anonymous").await;
    }
    let client = FakeClient::new(vec![retryable(Some(Duration::from_secs(100)))]);
    let exporter = LogExporter::start(parts(Arc::clone(&client) as _, &queue, &registry));
    client.attempted(8).await;
    assert_eq!(queue.committed(), Position(0), "the first is not done");
    queue.drained().await;
    assert_eq!(queue.committed(), Position(8));
    drop(exporter);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_refused_together_are_sent_apart_and_only_the_bad_one_is_lost() {
    let (queue, registry) = (MemoryQueue::new(QUEUE_MAX), Registry::default());
    for _ in 0..4 {
        enqueue(&queue, &requests::spans(1), Encoding::Protobuf, "anonymous").await;
    }
    // All four, the first two, the first: refused. The second, the last two: taken.
    let client = FakeClient::new(vec![permanent(), permanent(), permanent()]);
    let mut parts = parts(Arc::clone(&client) as _, &queue, &registry);
    parts.batch = BatchSettings::default();
    drain(parts, &queue).await;
    let sizes: Vec<u64> = client
        .attempts()
        .iter()
        .map(|(_, sent)| otlp::decode(Signal::Traces, Encoding::Protobuf, &sent.body).unwrap().accepted)
        .collect();
    assert_eq!(sizes, [4, 2, 1, 1, 2]);
    let text = registry.render();
    assert!(text.contains("otelcol_exporter_sent_spans{exporter=\"otlp/test\"} 3\n"), "{text}");
}
