//! A producer whose records are traced.

use std::fmt;
use std::ops::Deref;

use ::rdkafka::client::ClientContext;
use ::rdkafka::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use ::rdkafka::error::{KafkaError, KafkaResult};
use ::rdkafka::message::ToBytes;
use ::rdkafka::producer::future_producer::Delivery;
use ::rdkafka::producer::{FutureProducer, FutureRecord};
use ::rdkafka::util::Timeout;

use super::context::{Context, Silent};
use super::error::error_type;
use crate::kafka::{Client, Record, Sending, Timestamp};
use crate::propagation::TraceContext;

/// A [`FutureProducer`] whose records carry the context of the span that sent them.
///
/// Clones share the producer.
pub struct TracedProducer<C: ClientContext + 'static = Context> {
    inner: FutureProducer<C>,
    client: Client,
}

impl<C: ClientContext + 'static> TracedProducer<C> {
    /// Traces the records of `producer`.
    pub fn new(producer: FutureProducer<C>) -> Self {
        Self { inner: producer, client: Client::new() }
    }

    /// Says more about the producer than is known: `.client(|client| client.id("ledger"))`.
    #[must_use]
    pub fn client(mut self, say: impl FnOnce(Client) -> Client) -> Self {
        self.client = say(self.client);
        self
    }

    /// Sends a record in a PRODUCER span `send <topic>` that lasts until the broker has
    /// acknowledged it. The headers get the context of that span, in place of one they have.
    ///
    /// `queue_timeout` limits the wait for room in the client's queue, as for
    /// [`FutureProducer::send`]; delivery is limited by `message.timeout.ms`.
    ///
    /// # Errors
    /// As [`FutureProducer::send`], recorded on the span with [`error_type`].
    pub async fn send<K, P>(
        &self,
        mut record: FutureRecord<'_, K, P>,
        queue_timeout: impl Into<Timeout>,
    ) -> KafkaResult<Delivery>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let sending = Sending::begin(&self.client, as_record(&record), &mut record.headers);
        finish(sending, self.inner.send(record, queue_timeout).await)
    }

    /// Sends a record that was created earlier, where an outbox or a schedule kept it. The headers
    /// carry `creation` unaltered; the span is a CLIENT span `send <topic>` that links to it.
    ///
    /// # Errors
    /// As [`TracedProducer::send`].
    pub async fn send_created<K, P>(
        &self,
        creation: &TraceContext,
        mut record: FutureRecord<'_, K, P>,
        queue_timeout: impl Into<Timeout>,
    ) -> KafkaResult<Delivery>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let described = as_record(&record);
        let sending = Sending::begin_created(&self.client, described, creation, &mut record.headers);
        finish(sending, self.inner.send(record, queue_timeout).await)
    }
}

fn finish<M>(sending: Sending, outcome: Result<Delivery, (KafkaError, M)>) -> KafkaResult<Delivery> {
    match outcome {
        Ok(delivery) => {
            let offset = (delivery.offset >= 0).then_some(delivery.offset);
            sending.delivered(delivery.partition, offset);
            Ok(delivery)
        }
        Err((error, _)) => {
            sending.failed(&error, &error_type(&error));
            Err(error)
        }
    }
}

fn as_record<'a, K, P>(record: &FutureRecord<'a, K, P>) -> Record<'a>
where
    K: ToBytes + ?Sized,
    P: ToBytes + ?Sized,
{
    Record {
        topic: record.topic,
        partition: record.partition,
        offset: None,
        key: record.key.map(ToBytes::to_bytes),
        size: record.payload.map(|payload| payload.to_bytes().len()),
        timestamp: record.timestamp.map_or(Timestamp::Unknown, Timestamp::Created),
    }
}

impl<C: ClientContext + 'static> Deref for TracedProducer<C> {
    type Target = FutureProducer<C>;

    fn deref(&self) -> &FutureProducer<C> {
        &self.inner
    }
}

impl<C: ClientContext + 'static> Clone for TracedProducer<C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), client: self.client.clone() }
    }
}

impl<C: ClientContext + 'static> fmt::Debug for TracedProducer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedProducer").field("client", &self.client).finish_non_exhaustive()
    }
}

impl FromClientConfig for TracedProducer {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, Silent)
    }
}

impl<C: ClientContext + 'static> FromClientConfigAndContext<C> for TracedProducer<Context<C>> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let context = Context::new(config, context);
        let client = context.observer().client().clone();
        Ok(Self { inner: FutureProducer::from_config_and_context(config, context)?, client })
    }
}
