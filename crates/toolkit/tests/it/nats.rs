//! NATS and JetStream, against a real server.

mod connection;
mod core;
mod jetstream;
mod kv;
mod request;
mod server_tracing;

use futures::{Stream, StreamExt};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline_toolkit::nats::{self, TracedClient};
use tracing::instrument::WithSubscriber;

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, services, telemetry};

const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// Runs `work` with a client of the shared server under telemetry, and returns what it made.
fn run(work: impl AsyncFnOnce(TracedClient)) -> Collector {
    run_on(&services::nats(), &[], work)
}

fn run_with(variables: &[(&str, &str)], work: impl AsyncFnOnce(TracedClient)) -> Collector {
    run_on(&services::nats(), variables, work)
}

fn run_on(server: &str, variables: &[(&str, &str)], work: impl AsyncFnOnce(TracedClient)) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    let work = async {
        let client = nats::connect(server).await.unwrap();
        tokio::time::timeout(LIMIT, work(client)).await.expect("the test takes too long");
    };
    block_on(work.with_subscriber(telemetry.dispatch().clone()));
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.open_spans == 0, "{report}");
    collector
}

fn block_on<R>(work: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A name that no other run has used.
fn unique(name: &str) -> String {
    format!("{name}-{:016x}", rand::random::<u64>())
}

/// The next message, which must come soon.
async fn next<S: Stream + Unpin>(messages: &mut S) -> S::Item {
    let next = tokio::time::timeout(LIMIT, messages.next()).await;
    next.expect("no message came").expect("the subscription ended")
}

fn expect_attributes(span: &Span, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        assert_eq!(attribute(&span.attributes, key).as_deref(), Some(*value), "{key} of {}", span.name);
    }
}

fn number(span: &Span, key: &str) -> f64 {
    attribute(&span.attributes, key).unwrap_or_else(|| panic!("no {key}")).parse().unwrap()
}

/// The spans of this name, in the order they started.
fn spans(collector: &Collector, name: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = collector.spans().into_iter().filter(|s| s.name == name).collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}

fn is_child(child: &Span, parent: &Span) -> bool {
    child.parent_span_id == parent.span_id && child.trace_id == parent.trace_id
}

fn is_linked(from: &Span, to: &Span) -> bool {
    from.links.iter().any(|link| link.span_id == to.span_id && link.trace_id == to.trace_id)
}

/// The sum of a counter's or gauge's points, or of a histogram's counts, that have these labels.
fn total(metrics: &[Metric], name: &str, labels: &[(&str, &str)]) -> u64 {
    let has = |attributes: &[_]| labels.iter().all(|(k, v)| attribute(attributes, k).as_deref() == Some(*v));
    let of = metrics.iter().filter(|metric| metric.name == name);
    of.map(|metric| {
        let points = match &metric.data {
            Some(Data::Sum(sum)) => &sum.data_points,
            Some(Data::Gauge(gauge)) => &gauge.data_points,
            Some(Data::Histogram(data)) => {
                return data.data_points.iter().filter(|p| has(&p.attributes)).map(|p| p.count).sum();
            }
            _ => panic!("{name} is of no kind that is expected here"),
        };
        points.iter().filter(|point| has(&point.attributes)).map(whole).sum::<u64>()
    })
    .sum()
}

fn whole(point: &NumberDataPoint) -> u64 {
    match point.value {
        Some(Value::AsInt(value)) => u64::try_from(value).unwrap(),
        _ => panic!("not a number of things"),
    }
}
