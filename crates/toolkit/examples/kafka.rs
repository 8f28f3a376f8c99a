//! A trace across Kafka: a request sends a message, a consumer of the same process handles it.
//!
//! `cargo xtask services`, then with the address of Kafka:
//! `cargo run -p throughline-toolkit --features rdkafka --example kafka -- 127.0.0.1:PORT`
//!
//! Spans go to the collector at `OTEL_EXPORTER_OTLP_ENDPOINT`; `OTEL_TRACES_EXPORTER=console` shows
//! them here.

use std::error::Error;
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::producer::FutureRecord;
use rdkafka::{ClientConfig, Message};
use throughline_toolkit as toolkit;
use toolkit::kafka::rdkafka::{TracedConsumer, TracedProducer};
use tracing::{Instrument, info, info_span};

const TOPIC: &str = "example.ledger.entry.v1";
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = toolkit::init("kafka-example")?;
    let broker = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker).set("client.id", "example");

    let producer: TracedProducer = config.create()?;
    let transfer = async {
        let record = FutureRecord::to(TOPIC).key("account-42").payload(r#"{"amount_minor":1200}"#);
        producer.send(record, PATIENCE).await
    };
    let delivery = transfer.instrument(info_span!("POST /v1/transfers", otel.kind = "server")).await?;
    info!(delivery.partition, delivery.offset, "sent");

    config.set("group.id", "example.read-model").set("auto.offset.reset", "earliest");
    let consumer: TracedConsumer = config.set("enable.auto.commit", "false").create()?;
    consumer.subscribe(&[TOPIC])?;
    let batch = consumer.recv_batch(10, Duration::from_millis(200)).await?;
    let projected = batch.iter().map(|message| message.process(|m| async { project(m.payload()) }));
    futures::future::try_join_all(projected).await?;
    consumer.commit_batch(&batch, CommitMode::Sync)?;

    telemetry.shutdown(PATIENCE).await.log();
    Ok(())
}

fn project(payload: Option<&[u8]>) -> Result<(), std::str::Utf8Error> {
    let entry = payload.map(str::from_utf8).transpose()?;
    info!(entry, "projected"); // inside the span `process example.ledger.entry.v1`
    Ok(())
}
