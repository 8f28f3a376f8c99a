//! What tracing adds to a Kafka message: sending it and processing it, against the same without.
//!
//! The first part needs no broker and measures the calling thread alone: what a send costs besides
//! the client's own work, and what a message costs from its receipt to the end of its handler,
//! which does nothing. Headers are librdkafka's, so that getting the context in and out of them
//! counts. The second, where `cargo xtask services` has started a broker, counts the CPU time of
//! the whole process, the client's threads and the export thread included.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench"
)]

mod cpu;

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use futures::FutureExt;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use throughline_toolkit::kafka::rdkafka::{TracedConsumer, TracedProducer};
use throughline_toolkit::kafka::{Client, Record, Sending};
use throughline_toolkit::{Environment, Telemetry};
use tokio::runtime::Runtime;

const TOPIC: &str = "ledger.entry.v1";
const KEY: &str = "account-42";
const PAYLOAD: &[u8] = &[7; 200];

/// With nobody listening: spans are recorded, queued, encoded and given up.
fn telemetry(sampler: &str) -> Telemetry {
    let environment = Environment::from_pairs([
        ("OTEL_TRACES_SAMPLER", sampler),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8192"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
        ("OTEL_LOG_LEVEL", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    Telemetry::builder().environment(environment).log_lines(false).start().unwrap()
}

/// A message as it was received from a producer that is traced.
fn message(headers: &OwnedHeaders) -> OwnedMessage {
    let (payload, key) = (Some(PAYLOAD.to_vec()), Some(KEY.into()));
    OwnedMessage::new(payload, key, TOPIC.to_owned(), Timestamp::now(), 3, 7, Some(headers.clone()))
}

fn headers(sampled: &str) -> OwnedHeaders {
    let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{sampled}");
    OwnedHeaders::new().insert(Header { key: "traceparent", value: Some(&parent) })
}

fn bare() -> f64 {
    let headers = headers("01");
    cpu::measure_tidily(
        "bare message and handler",
        1,
        100,
        || {
            let received = message(&headers);
            drop(black_box(async { black_box(received) }.now_or_never()));
        },
        || {},
    )
}

fn traced(name: &str, sampled: &str) -> f64 {
    let client = Client::new().id("ledger").group("read-model").server("127.0.0.1:9");
    let record =
        Record { topic: TOPIC, key: Some(KEY.as_bytes()), size: Some(PAYLOAD.len()), ..Record::default() };
    let send = cpu::measure_tidily(
        &format!("traced send, {name}"),
        1,
        100,
        || {
            let mut headers = None;
            let sending = Sending::begin(&client, record, &mut headers);
            black_box(&headers);
            sending.delivered(3, Some(7));
        },
        || {},
    );
    let headers = headers(sampled);
    // It never finds a broker, but keeps its books of positions like any other.
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", "127.0.0.1:9").set("group.id", "read-model").set("client.id", "ledger");
    let consumer: TracedConsumer = config.create().unwrap();
    let process = cpu::measure_tidily(
        &format!("traced message and handler, {name}"),
        1,
        100,
        || {
            let received = consumer.trace(message(&headers));
            let handled = received.process(handler);
            black_box(handled.now_or_never().is_some());
        },
        || {},
    );
    send + process
}

async fn handler<M>(message: &M) -> Result<(), Infallible> {
    black_box(message);
    Ok(())
}

fn process_cpu_ns() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a bench")]
    let ns = (now.tv_sec * 1_000_000_000 + now.tv_nsec) as f64;
    ns
}

/// CPU time of this process for each of `count` messages that are sent and processed.
fn exchange(runtime: &Runtime, count: u32, send: impl AsyncFn(), process: impl AsyncFn()) -> f64 {
    let exchange = async |count: u32| {
        for _ in 0..count / 100 {
            futures::future::join_all((0..100).map(|_| send())).await;
            for _ in 0..100 {
                process().await;
            }
        }
    };
    runtime.block_on(exchange(100)); // until the group has its partitions
    let before = process_cpu_ns();
    runtime.block_on(exchange(count));
    (process_cpu_ns() - before) / f64::from(count)
}

/// Bare and traced in turns, against a real broker; the medians.
fn end_to_end(runtime: &Runtime, broker: &str) {
    const ROUNDS: usize = 9;
    const COUNT: u32 = 10_000;
    const LIMIT: Duration = Duration::from_secs(10);
    let topic = |name: &str| format!("toolkit.bench.{name}.{}", std::process::id());
    let (bare_topic, traced_topic) = (topic("bare"), topic("traced"));
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set("linger.ms", "1");
    let mut consuming = config.clone();
    consuming.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    let record = |topic| FutureRecord::to(topic).key(KEY).payload(PAYLOAD);

    let producer: FutureProducer = config.create().unwrap();
    for topic in [&bare_topic, &traced_topic] {
        runtime.block_on(producer.send(record(topic), LIMIT)).unwrap(); // makes the topic
    }
    let consumer: StreamConsumer = consuming.set("group.id", &bare_topic).create().unwrap();
    consumer.subscribe(&[&bare_topic]).unwrap();
    let telemetry = telemetry("always_on");
    let (traced_producer, traced_consumer): (TracedProducer, TracedConsumer) =
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            let consumer = consuming.set("group.id", &traced_topic).create().unwrap();
            (config.create().unwrap(), consumer)
        });
    traced_consumer.subscribe(&[&traced_topic]).unwrap();

    let (mut bare, mut traced) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        let send = async || assert!(producer.send(record(&bare_topic), LIMIT).await.is_ok());
        let process = async || drop(black_box(consumer.recv().await.unwrap()));
        bare.push(exchange(runtime, COUNT, send, process));
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            let send = async || assert!(traced_producer.send(record(&traced_topic), LIMIT).await.is_ok());
            let process = async || {
                let received = traced_consumer.recv().await.unwrap();
                let handle = received.process(handler);
                black_box(handle.await.is_ok());
            };
            traced.push(exchange(runtime, COUNT, send, process));
        });
    }
    let median = |costs: &mut Vec<f64>| {
        costs.remove(0); // a warm-up
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    };
    let (bare, traced) = (median(&mut bare), median(&mut traced));
    let ratio = traced / bare;
    println!(
        "end to end, CPU of the process a message: bare {bare:.0} ns, traced {traced:.0} ns, {ratio:.2} times"
    );
}

fn main() {
    if !cpu::asked() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _within = runtime.enter(); // where a consumer is made
    let bare = bare();
    for (name, sampler, sampled) in
        [("sampled", "always_on", "01"), ("sampled out", "parentbased_always_off", "00")]
    {
        let telemetry = telemetry(sampler);
        let traced = tracing::dispatcher::with_default(telemetry.dispatch(), || traced(name, sampled));
        println!("added to a message, {name}: {:.0} ns", traced - bare);
    }
    match throughline_services::address(throughline_services::Kind::Kafka) {
        Ok(broker) => end_to_end(&runtime, &broker),
        Err(missing) => println!("end to end: {missing}"),
    }
}
