//! A producer whose records are traced.

use std::fmt;
use std::ops::Deref;

use ::krafka::producer::{Producer, RecordMetadata};
use ::krafka::{Record as ClientRecord, Result};

use super::error::error_type;
use crate::kafka::{Client, Record, Sending, Timestamp};
use crate::propagation::TraceContext;

/// A [`Producer`] whose records carry the context of the span that sent them.
pub struct TracedProducer {
    inner: Producer,
    client: Client,
}

impl TracedProducer {
    /// Traces the records of `producer`.
    #[must_use]
    pub fn new(producer: Producer) -> Self {
        Self { inner: producer, client: Client::new() }
    }

    /// Says more about the producer, which tells nothing of itself:
    /// `.client(|client| client.id("ledger").server("kafka:9092"))`.
    #[must_use]
    pub fn client(mut self, say: impl FnOnce(Client) -> Client) -> Self {
        self.client = say(self.client);
        self
    }

    /// Sends a record in a PRODUCER span `send <topic>` that lasts until the broker has
    /// acknowledged it. The headers get the context of that span, in place of one they have.
    ///
    /// # Errors
    /// As [`Producer::send`], recorded on the span with [`error_type`].
    pub async fn send(&self, record: ClientRecord) -> Result<RecordMetadata> {
        self.send_as(record, None).await
    }

    /// Sends a record that was created earlier, where an outbox or a schedule kept it. The headers
    /// carry `creation` unaltered; the span is a CLIENT span `send <topic>` that links to it.
    ///
    /// # Errors
    /// As [`TracedProducer::send`].
    pub async fn send_created(
        &self,
        creation: &TraceContext,
        record: ClientRecord,
    ) -> Result<RecordMetadata> {
        self.send_as(record, Some(creation)).await
    }

    async fn send_as(
        &self,
        mut record: ClientRecord,
        creation: Option<&TraceContext>,
    ) -> Result<RecordMetadata> {
        let mut headers = std::mem::take(&mut record.headers);
        let sending = Sending::start(&self.client, as_record(&record), creation, &mut headers);
        record.headers = headers;
        let outcome = self.inner.send(record).await;
        match &outcome {
            Ok(stored) => sending.delivered(stored.partition, stored.is_success().then_some(stored.offset)),
            Err(error) => sending.failed(error, &error_type(error)),
        }
        outcome
    }
}

fn as_record(record: &ClientRecord) -> Record<'_> {
    Record {
        topic: &record.topic,
        partition: record.partition,
        offset: None,
        key: record.key.as_deref(),
        size: record.value.as_ref().map(|value| value.len()),
        timestamp: record.timestamp.map_or(Timestamp::Unknown, Timestamp::Created),
    }
}

impl Deref for TracedProducer {
    type Target = Producer;

    fn deref(&self) -> &Producer {
        &self.inner
    }
}

impl fmt::Debug for TracedProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedProducer").field("client", &self.client).finish_non_exhaustive()
    }
}
