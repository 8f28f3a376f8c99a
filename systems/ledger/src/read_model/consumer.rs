//! Reading the topic: each message until it is projected or buried, then its offset is committed.

use std::time::Duration;

use anyhow::Context as _;
use rdkafka::Message as _;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _};
use throughline_toolkit::Telemetry;
use throughline_toolkit::kafka::Received;
use throughline_toolkit::kafka::rdkafka::TracedConsumer;
use throughline_toolkit::opentelemetry::metrics::Counter;

use super::projection::{Letter, Projection};
use crate::config::Config;
use crate::kafka::{self, Topic};
use crate::service::Stopping;

/// First and longest pause before a message is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Pause after an error of the client. Errors stand in line with messages: it must be short.
const AFTER_ERROR: Duration = Duration::from_millis(20);

/// When a member of the group that says nothing counts as gone, milliseconds: a consumer that was
/// killed holds its partitions for so long.
const SESSION_MS: &str = "6000";

/// Reads the topic.
#[derive(Debug)]
pub(super) struct Consumer {
    inner: TracedConsumer,
    topic: Topic,
    topic_name: String,
    projection: Projection,
    retries: Counter<u64>,
}

impl Consumer {
    pub(super) fn new(
        config: &Config,
        projection: Projection,
        telemetry: &Telemetry,
    ) -> anyhow::Result<Self> {
        let mut client = kafka::client(config);
        client.set("group.id", &config.consumer_group);
        // An offset is committed when its message is projected, and a group without one starts
        // where the topic does.
        client.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
        client.set("session.timeout.ms", SESSION_MS).set("heartbeat.interval.ms", "2000");
        // How often the lag is looked up.
        client.set("statistics.interval.ms", "2000");
        let meter = telemetry.meter("ledger");
        let retries = meter.u64_counter("projection_retries_total");
        let retries = retries.with_description("Messages that were tried again.").build();
        Ok(Self {
            inner: client.create().context("kafka")?,
            topic: Topic::new(config),
            topic_name: config.topic.clone(),
            projection,
            retries,
        })
    }

    /// Reads until the service stops, whatever becomes of Kafka and the database meanwhile.
    pub(super) async fn run(self, stopping: Stopping) {
        if stopping.unless(self.topic.ensure()).await.is_none() {
            return;
        }
        if let Err(error) = self.inner.subscribe(&[&self.topic_name]) {
            tracing::error!(%error, "the topic cannot be subscribed to");
            return;
        }
        let mut said = false;
        while let Some(received) = stopping.unless(self.inner.recv()).await {
            match received {
                Ok(message) => {
                    said = false;
                    if !self.insist(&message, &stopping).await {
                        return;
                    }
                    self.commit(&message);
                }
                // The client goes on by itself and has one of these for each of its tries.
                Err(error) => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(%error, "nothing is received");
                    }
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Tries until the message is projected or buried. `false`: the service stops before that.
    async fn insist(&self, message: &Received<BorrowedMessage<'_>>, stopping: &Stopping) -> bool {
        let mut pauses = Pauses::new();
        while let Err(error) = message.process(|message| self.projection.take(letter(message))).await {
            self.retries.add(1, &[]);
            tracing::warn!(%error, offset = message.offset(), "a message is tried again");
            if stopping.unless(pauses.wait()).await.is_none() {
                return false;
            }
        }
        true
    }

    /// Lets the group go on behind the message. Should that be refused, the next message's commit
    /// covers it, and what is delivered again by then is known.
    fn commit(&self, message: &Received<BorrowedMessage<'_>>) {
        if let Err(error) = self.inner.commit(message, CommitMode::Async) {
            tracing::warn!(%error, "an offset was not committed");
        }
    }
}

fn letter<'a>(message: &'a Received<BorrowedMessage<'_>>) -> Letter<'a> {
    let headers = message.headers();
    let id = headers.and_then(|headers| headers.iter().find(|header| header.key == "message-id"));
    Letter {
        topic: message.topic(),
        partition: message.partition(),
        offset: message.offset(),
        id: id.and_then(|header| header.value).and_then(|value| std::str::from_utf8(value).ok()),
        key: message.key(),
        payload: message.payload(),
    }
}

/// Pauses that grow.
#[derive(Debug)]
struct Pauses(Duration);

impl Pauses {
    fn new() -> Self {
        Self(PAUSES.0)
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }
}
