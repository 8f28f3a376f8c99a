//! What tracing adds to a NATS message: publishing it and handling it, against the bare client on
//! the same path.
//!
//! The first part needs no server and measures the calling thread alone: what a publish does until
//! the message is in the client's queue, and what a message costs from the client's queue to the
//! end of its handler, which does nothing. The second, where `cargo xtask services` has started a
//! server, counts the CPU time of the whole process, connection task and export thread included.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench"
)]

mod cpu;

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use async_nats::{Client, ConnectOptions, HeaderMap, Message};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use rustix::time::{ClockId, clock_gettime};
use throughline_toolkit::nats::{self, TracedClient};
use throughline_toolkit::{Environment, Telemetry};
use tokio::runtime::Runtime;

const SUBJECT: &str = "orders.placed";
const PAYLOAD: Bytes = Bytes::from_static(b"one message of a few bytes");

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

/// A server that takes what it is sent and answers pings.
fn taker() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            std::thread::spawn(move || {
                let mut to = stream.try_clone().unwrap();
                let info = r#"{"server_id":"taker","version":"2.12.0","proto":1,"host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576,"client_id":7}"#;
                write!(to, "INFO {info}\r\n").unwrap();
                for line in BufReader::new(stream).split(b'\n') {
                    if line.is_ok_and(|line| line.starts_with(b"PING")) && to.write_all(b"PONG\r\n").is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    format!("nats://{address}")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A client whose queue holds all messages until the bench has it send them.
fn connect(runtime: &Runtime, server: &str) -> Client {
    runtime.block_on(ConnectOptions::new().client_capacity(1_000).connect(server)).unwrap()
}

fn message(headers: Option<HeaderMap>) -> Message {
    let subject = SUBJECT.into();
    Message { subject, reply: None, payload: PAYLOAD, headers, status: None, description: None, length: 64 }
}

/// Headers as they arrive from a publisher that is traced.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    headers
}

fn bare(runtime: &Runtime, server: &str) -> f64 {
    let client = connect(runtime, server);
    let flush = || runtime.block_on(client.flush()).unwrap();
    let publish = cpu::measure_tidily(
        "bare publish",
        1,
        100,
        || client.publish(SUBJECT, PAYLOAD).now_or_never().unwrap().unwrap(),
        flush,
    );
    cpu::measure_tidily(
        "bare publish of one header",
        1,
        100,
        || client.publish_with_headers(SUBJECT, headers(), PAYLOAD).now_or_never().unwrap().unwrap(),
        flush,
    );
    let received = message(Some(headers()));
    let handle = cpu::measure_tidily(
        "bare handler",
        1,
        100,
        || drop(black_box(async { black_box(received.clone()) }.now_or_never().unwrap())),
        || {},
    );
    publish + handle
}

fn traced(runtime: &Runtime, server: &str, name: &str) -> f64 {
    let client = TracedClient::new(connect(runtime, server));
    let flush = || runtime.block_on(client.flush()).unwrap();
    let publish = cpu::measure_tidily(
        &format!("traced publish, {name}"),
        1,
        100,
        || client.publish(SUBJECT, PAYLOAD).now_or_never().unwrap().unwrap(),
        flush,
    );
    let parent = if name == "sampled" { "01" } else { "00" };
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{parent}"));
    let received = message(Some(headers));
    let handle = cpu::measure_tidily(
        &format!("traced handler, {name}"),
        1,
        100,
        || {
            let message = client.trace(received.clone());
            message.process(|message| async { drop(black_box(message)) }).now_or_never().unwrap();
        },
        || {},
    );
    publish + handle
}

/// CPU time of this process for each of `count` messages that are published and handled.
fn exchange<M>(
    runtime: &Runtime,
    count: u32,
    publish: impl AsyncFn(),
    mut messages: impl futures::Stream<Item = M> + Unpin,
    handle: impl AsyncFn(M),
) -> f64 {
    let before = process_cpu_ns();
    runtime.block_on(async {
        for _ in 0..count / 100 {
            for _ in 0..100 {
                publish().await;
            }
            for _ in 0..100 {
                handle(messages.next().await.unwrap()).await;
            }
        }
    });
    (process_cpu_ns() - before) / f64::from(count)
}

fn process_cpu_ns() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a bench")]
    let ns = (now.tv_sec * 1_000_000_000 + now.tv_nsec) as f64;
    ns
}

/// Bare and traced in turns, against a real server; the medians.
fn end_to_end(server: &str) {
    const ROUNDS: usize = 15;
    const COUNT: u32 = 20_000;
    let runtime = runtime();
    let client = runtime.block_on(async_nats::connect(server)).unwrap();
    let samplers = ["always_on", "always_off"].map(telemetry);
    let mut costs = [const { Vec::new() }; 4];
    for round in 0..=ROUNDS {
        let subject = format!("bench.{}.{round}", std::process::id());
        let orders = runtime.block_on(client.subscribe(subject.clone())).unwrap();
        let publish = async || client.publish(subject.clone(), PAYLOAD).await.unwrap();
        let handle = async |message: Message| drop(black_box(message));
        costs[0].push(exchange(&runtime, COUNT, publish, orders, handle));
        let orders = runtime.block_on(client.subscribe(subject.clone())).unwrap();
        let publish =
            async || client.publish_with_headers(subject.clone(), headers(), PAYLOAD).await.unwrap();
        costs[1].push(exchange(&runtime, COUNT, publish, orders, handle));
        for (telemetry, costs) in samplers.iter().zip(&mut costs[2..]) {
            tracing::dispatcher::with_default(telemetry.dispatch(), || {
                let client = TracedClient::new(client.clone());
                let orders = runtime.block_on(client.subscribe(subject.clone())).unwrap();
                let publish = async || client.publish(subject.clone(), PAYLOAD).await.unwrap();
                let handle = async |m: nats::TracedMessage| m.process(async |m| drop(black_box(m))).await;
                costs.push(exchange(&runtime, COUNT, publish, orders, handle));
            });
        }
    }
    let [bare, header, sampled, sampled_out] = costs.map(|mut costs| {
        costs.remove(0); // a warm-up
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    });
    println!("end to end, CPU of the process a message:");
    println!("  bare {bare:.0} ns, bare with one header {header:.0} ns");
    println!("  sampled {sampled:.0} ns, sampled out {sampled_out:.0} ns");
}

fn main() {
    if !cpu::asked() {
        return;
    }
    let (runtime, server) = (runtime(), taker());
    let bare = bare(&runtime, &server);
    for (name, sampler) in [("sampled", "always_on"), ("sampled out", "parentbased_always_off")] {
        let telemetry = telemetry(sampler);
        let traced =
            tracing::dispatcher::with_default(telemetry.dispatch(), || traced(&runtime, &server, name));
        println!("added to a message, {name}: {:.0} ns", traced - bare);
    }
    match throughline_services::address(throughline_services::Kind::Nats) {
        Ok(server) => end_to_end(&server),
        Err(missing) => println!("end to end: {missing}"),
    }
}
