//! A consumer whose messages are traced.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use ::rdkafka::client::ClientContext;
use ::rdkafka::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use ::rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, StreamConsumer};
use ::rdkafka::error::{KafkaError, KafkaResult};
use ::rdkafka::message::BorrowedMessage;
use ::rdkafka::util::{AsyncRuntime, DefaultRuntime};
use ::rdkafka::{Offset, TopicPartitionList};
use futures::future::{Either, select};
use parking_lot::Mutex;

use super::context::{Context, Silent};
use super::error::error_type;
use super::observer::Observer;
use crate::kafka::{Batch, Client, Consumed, Received, commit};
use crate::propagation::TraceContext;

/// How often the end of partitions is learned, unless `statistics.interval.ms` says otherwise.
const STATISTICS_INTERVAL_MS: &str = "5000";

/// A [`StreamConsumer`] whose messages come with the context they were created in.
pub struct TracedConsumer<C: ConsumerContext + 'static = Context> {
    inner: StreamConsumer<C>,
    client: Client,
    observer: Option<Observer>,
    /// A fault that came when there were messages to be handed over first.
    pending: Mutex<Option<KafkaError>>,
}

impl<C: ConsumerContext + 'static> TracedConsumer<C> {
    /// Traces the messages of `consumer`. Its names are not known and its lag is not reported:
    /// see [`TracedConsumer::client`] and [`TracedConsumer::observed_by`], or let
    /// [`ClientConfig::create`] make the traced consumer.
    pub fn new(consumer: StreamConsumer<C>) -> Self {
        Self { inner: consumer, client: Client::new(), observer: None, pending: Mutex::default() }
    }

    /// Says more about the consumer than is known: `.client(|client| client.group("read-model"))`.
    #[must_use]
    pub fn client(mut self, say: impl FnOnce(Client) -> Client) -> Self {
        self.client = say(self.client);
        self
    }

    /// Tells the observer, which the consumer's context feeds, of messages and commits, and takes
    /// over the names it knows.
    #[must_use]
    pub fn observed_by(mut self, observer: Observer) -> Self {
        self.client = observer.client().clone();
        observer.be_watched();
        self.observer = Some(observer);
        self
    }

    /// The next message.
    ///
    /// # Errors
    /// As [`StreamConsumer::recv`]. Most pass by themselves, such as all brokers being down: go on
    /// receiving.
    pub async fn recv(&self) -> KafkaResult<Received<BorrowedMessage<'_>>> {
        if let Some(error) = self.pending.lock().take() {
            return Err(error);
        }
        Ok(self.trace(self.inner.recv().await?))
    }

    /// The next message and those that follow it within `wait`, `max` together. Waits for the
    /// first as long as it takes, so a batch is never empty.
    ///
    /// Dropped before it is ready, it loses the messages it has: they count as received.
    ///
    /// # Errors
    /// As [`TracedConsumer::recv`].
    pub async fn recv_batch(&self, max: usize, wait: Duration) -> KafkaResult<Batch<BorrowedMessage<'_>>> {
        let mut messages = vec![self.recv().await?];
        let mut over = std::pin::pin!(DefaultRuntime::delay_for(wait));
        while messages.len() < max {
            let next = std::pin::pin!(self.inner.recv());
            match select(next, over.as_mut()).await {
                Either::Left((Ok(message), _)) => messages.push(self.trace(message)),
                Either::Left((Err(error), _)) => {
                    *self.pending.lock() = Some(error);
                    break;
                }
                Either::Right(_) => break,
            }
        }
        Ok(Batch::of(&self.client, messages))
    }

    /// Takes a message that was received by other means, from a stream or a partition's queue.
    pub fn trace<M: Consumed>(&self, message: M) -> Received<M> {
        let received = Received::new(&self.client, message);
        if let Some(observer) = &self.observer {
            observer.be_watched();
            observer.positions().received(&received.message.as_record());
        }
        received
    }

    /// Commits the offset after the message, and with it all before, in a CLIENT span
    /// `commit <topic>`. With [`CommitMode::Sync`] it blocks the thread until the broker has
    /// answered; with [`CommitMode::Async`] the span covers the request alone, and a later refusal
    /// is counted and logged by the [`Observer`].
    ///
    /// # Errors
    /// As [`Consumer::commit`], recorded on the span.
    pub fn commit<M: Consumed>(&self, message: &Received<M>, mode: CommitMode) -> KafkaResult<()> {
        self.commit_all(std::slice::from_ref(message), message.processed(), mode)
    }

    /// [`TracedConsumer::commit`] for all messages of a batch at once.
    ///
    /// # Errors
    /// As [`TracedConsumer::commit`].
    pub fn commit_batch<M: Consumed>(&self, batch: &Batch<M>, mode: CommitMode) -> KafkaResult<()> {
        self.commit_all(batch, batch.processed(), mode)
    }

    fn commit_all<M: Consumed>(
        &self,
        messages: &[Received<M>],
        processed: Option<&TraceContext>,
        mode: CommitMode,
    ) -> KafkaResult<()> {
        let commit = commit::begin(messages, processed);
        let outcome = self.commit_offsets(messages, mode);
        match commit {
            Some(commit) => commit.finish(outcome, error_type),
            None => outcome,
        }
    }

    fn commit_offsets<M: Consumed>(&self, messages: &[Received<M>], mode: CommitMode) -> KafkaResult<()> {
        let mut offsets = TopicPartitionList::with_capacity(1);
        for message in messages {
            let record = message.message.as_record();
            let (Some(partition), Some(offset)) = (record.partition, record.offset) else { continue };
            let next = Offset::Offset(offset.saturating_add(1));
            match offsets.find_partition(record.topic, partition) {
                Some(mut known) => known.set_offset(next)?,
                None => offsets.add_partition_offset(record.topic, partition, next)?,
            }
        }
        if offsets.count() == 0 {
            return Ok(());
        }
        self.inner.commit(&offsets, mode)?;
        if let (Some(observer), CommitMode::Sync) = (&self.observer, mode) {
            observer.positions_committed(&offsets);
        }
        Ok(())
    }
}

impl<C: ConsumerContext + 'static> Deref for TracedConsumer<C> {
    type Target = StreamConsumer<C>;

    fn deref(&self) -> &StreamConsumer<C> {
        &self.inner
    }
}

impl<C: ConsumerContext + 'static> fmt::Debug for TracedConsumer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedConsumer").field("client", &self.client).finish_non_exhaustive()
    }
}

impl FromClientConfig for TracedConsumer {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, Silent)
    }
}

impl<C: ClientContext + 'static> FromClientConfigAndContext<C> for TracedConsumer<Context<C>> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let mut config = config.clone();
        if config.get("statistics.interval.ms").is_none() {
            config.set("statistics.interval.ms", STATISTICS_INTERVAL_MS);
        }
        let context = Context::new(&config, context);
        let observer = context.observer().clone();
        let consumer = StreamConsumer::from_config_and_context(&config, context)?;
        Ok(Self::new(consumer).observed_by(observer))
    }
}
