//! What the toolkit adds to a message that is sent and processed: the thread's own CPU time,
//! without a broker, for one message there and back. The client's headers are real ones of
//! librdkafka, as the context has to get in and out of them; making a list of headers and nothing
//! else is measured beside it.
//!
//! With `cargo xtask services` running, a second part sends and processes messages through the
//! broker, with and without the toolkit, and compares the CPU time of the whole process.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

mod cpu;

use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;

use futures::FutureExt;
use rdkafka::Timestamp;
use rdkafka::message::{OwnedHeaders, OwnedMessage};
use throughline_toolkit::kafka::{Client, Received, Record, Sending};
use throughline_toolkit::{Environment, Telemetry};

const TOPIC: &str = "ledger.entry.v1";
const PAYLOAD: &[u8] = &[7; 200];

/// Telemetry with nobody listening: spans are recorded, queued, encoded and given up.
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

fn send(client: &Client) -> Option<OwnedHeaders> {
    let mut headers = None;
    let record = Record { topic: TOPIC, key: Some(b"account-42"), size: Some(200), ..Record::default() };
    let sending = Sending::begin(client, record, &mut headers);
    sending.delivered(3, Some(black_box(1_234_567)));
    headers
}

fn message(headers: Option<OwnedHeaders>) -> OwnedMessage {
    let (payload, key) = (Some(PAYLOAD.to_vec()), Some(b"account-42".to_vec()));
    OwnedMessage::new(payload, key, TOPIC.to_owned(), Timestamp::now(), 3, 1_234_567, headers)
}

fn process(client: &Client, message: OwnedMessage) {
    let received = Received::new(client, message);
    let done = received.process(|message| ready(Ok::<_, Infallible>(black_box(message)))).now_or_never();
    black_box(done.is_some());
}

fn main() {
    if !cpu::asked() {
        return;
    }
    let client = Client::new().id("ledger").group("read-model");
    for round in 1..=3 {
        cpu::measure(&format!("the message alone (round {round})"), 1, || {
            black_box(message(None));
        });
        for (name, sampler) in [("sampled", "always_on"), ("sampled out", "parentbased_always_off")] {
            let telemetry = telemetry(sampler);
            tracing::dispatcher::with_default(telemetry.dispatch(), || {
                cpu::measure(&format!("send, {name} (round {round})"), 1, || {
                    black_box(send(&client));
                });
                let headers = send(&client);
                cpu::measure(&format!("process, {name} (round {round})"), 1, || {
                    process(&client, message(headers.clone()));
                });
                cpu::measure(&format!("both, {name} (round {round})"), 1, || {
                    process(&client, message(send(&client)));
                });
            });
        }
    }
}
