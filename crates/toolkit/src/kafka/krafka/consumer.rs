//! A consumer whose messages are traced.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ::krafka::Result;
use ::krafka::consumer::{Consumer, ConsumerRecord, OffsetAndMetadata, TopicPartition};
use futures::FutureExt;

use super::error::error_type;
use crate::kafka::instruments::{Behind, LagSource, Watched};
use crate::kafka::positions::Positions;
use crate::kafka::{Batch, Client, Consumed, Received, commit};
use crate::propagation::TraceContext;

/// A [`Consumer`] whose messages come with the context they were created in.
pub struct TracedConsumer {
    inner: Arc<Followed>,
    client: Client,
    watched: Watched,
}

impl TracedConsumer {
    /// Traces the messages of `consumer`.
    #[must_use]
    pub fn new(consumer: Consumer) -> Self {
        Self::of(consumer, Client::new())
    }

    /// Says more about the consumer, which tells neither its group's name nor its broker:
    /// `.client(|client| client.group("read-model").server("kafka:9092"))`.
    #[must_use]
    pub fn client(self, say: impl FnOnce(Client) -> Client) -> Self {
        let client = say(self.client);
        match Arc::try_unwrap(self.inner) {
            Ok(followed) => Self::of(followed.consumer, client),
            // Metrics are being collected this moment.
            Err(inner) => Self { inner, client, watched: self.watched },
        }
    }

    fn of(consumer: Consumer, client: Client) -> Self {
        let positions = Positions::new(client.clone());
        Self { inner: Arc::new(Followed { consumer, positions }), client, watched: Watched::default() }
    }

    /// The next message; `None` once the consumer is closed.
    ///
    /// # Errors
    /// As [`Consumer::recv`].
    pub async fn recv(&self) -> Result<Option<Received<ConsumerRecord>>> {
        let record = self.inner.consumer.recv().await?;
        Ok(record.map(|record| self.trace(record)))
    }

    /// The messages that [`Consumer::poll`] has within `wait`: none, or up to `max_poll_records`.
    ///
    /// # Errors
    /// As [`Consumer::poll`].
    pub async fn poll(&self, wait: Duration) -> Result<Batch<ConsumerRecord>> {
        let records = self.inner.consumer.poll(wait).await?;
        let messages = records.into_iter().map(|record| self.trace(record)).collect();
        Ok(Batch::of(&self.client, messages))
    }

    /// Takes a message that was received by other means, from a stream.
    pub fn trace(&self, record: ConsumerRecord) -> Received<ConsumerRecord> {
        self.watched.by_current(&self.inner);
        let received = Received::new(&self.client, record);
        self.inner.positions.received(&received.message.as_record());
        received
    }

    /// Commits the offset after the message, and with it all before, in a CLIENT span
    /// `commit <topic>`.
    ///
    /// # Errors
    /// As [`Consumer::commit_offsets`], recorded on the span.
    pub async fn commit(&self, message: &Received<ConsumerRecord>) -> Result<()> {
        self.commit_all(std::slice::from_ref(message), message.processed()).await
    }

    /// [`TracedConsumer::commit`] for all messages of a batch at once.
    ///
    /// # Errors
    /// As [`TracedConsumer::commit`].
    pub async fn commit_batch(&self, batch: &Batch<ConsumerRecord>) -> Result<()> {
        self.commit_all(batch, batch.processed()).await
    }

    async fn commit_all(
        &self,
        messages: &[Received<ConsumerRecord>],
        processed: Option<&TraceContext>,
    ) -> Result<()> {
        let commit = commit::begin(messages, processed);
        let mut offsets = HashMap::new();
        for message in messages {
            let next = message.offset.saturating_add(1);
            let next = match message.leader_epoch {
                Some(epoch) => OffsetAndMetadata::with_epoch(next, epoch),
                None => OffsetAndMetadata::new(next),
            };
            offsets.insert(TopicPartition::new(&*message.topic, message.partition), next);
        }
        let outcome = self.inner.consumer.commit_offsets(&offsets).await;
        if outcome.is_ok() {
            for (place, next) in &offsets {
                self.inner.positions.committed(&place.topic, place.partition, next.offset);
            }
        }
        match commit {
            Some(commit) => commit.finish(outcome, error_type),
            None => outcome,
        }
    }
}

impl Deref for TracedConsumer {
    type Target = Consumer;

    fn deref(&self) -> &Consumer {
        &self.inner.consumer
    }
}

impl fmt::Debug for TracedConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedConsumer").field("client", &self.client).finish_non_exhaustive()
    }
}

/// A consumer and where it is.
struct Followed {
    consumer: Consumer,
    positions: Positions,
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("positions", &self.positions).finish_non_exhaustive()
    }
}

impl LagSource for Followed {
    fn visit(&self, see: &mut dyn FnMut(Behind<'_>)) {
        // What the last fetches said. The client answers at once: it asks nobody.
        let Some(known) = self.consumer.lag().now_or_never() else { return };
        self.positions.keep(|topic, number| known.contains_key(&TopicPartition::new(topic, number)));
        for (place, known) in &known {
            let end = known.last_stable_offset.or(known.high_watermark);
            self.positions.known(&place.topic, place.partition, end, None);
        }
        self.positions.visit(see);
    }
}
