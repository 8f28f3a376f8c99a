//! What a consumer receives: a stream of messages, or a batch at a time.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::push;
use async_nats::jetstream::consumer::{Consumer, Info, IntoConsumerConfig, StreamError};
use futures::Stream;
use pin_project_lite::pin_project;

use super::batch::{self, TracedBatch};
use super::message::TracedMessage;
use crate::nats::connection::{Connection, Place};
use crate::nats::lag::Progress;
use crate::nats::subject::is_pattern;

/// A JetStream [`Consumer`] whose messages are traced. It derefs to the one underneath. Made by
/// [`TracedContext::consumer`](super::TracedContext::consumer).
#[derive(Debug, Clone)]
pub struct TracedConsumer<C: IntoConsumerConfig> {
    inner: Consumer<C>,
    source: Arc<Source>,
}

/// Where the messages of a consumer come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) connection: Arc<Connection>,
    pub(super) stream: String,
    /// The one subject it filters by.
    filter: Option<String>,
    /// The name of a durable consumer: several processes share its messages.
    pub(super) group: Option<String>,
    pub(super) progress: Option<Arc<Progress>>,
}

impl Source {
    fn new(connection: &Arc<Connection>, info: &Info) -> Self {
        let config = &info.config;
        let filter = match (config.filter_subject.as_str(), config.filter_subjects.as_slice()) {
            ("", [one]) => Some(one.clone()),
            ("", _) => None,
            (one, _) => Some(one.to_owned()),
        };
        Self {
            connection: Arc::clone(connection),
            stream: info.stream_name.clone(),
            filter,
            group: config.durable_name.clone(),
            progress: config
                .durable_name
                .as_ref()
                .map(|name| Arc::new(Progress::new(&info.stream_name, name))),
        }
    }

    /// Where a message of this subject is.
    pub(super) fn place<'a>(&'a self, subject: &'a str) -> Place<'a> {
        let pattern = self.filter.as_deref().filter(|filter| is_pattern(filter));
        Place { subject, pattern, group: self.group.as_deref() }
    }

    /// Where several messages are.
    pub(super) fn place_of_all(&self) -> Place<'_> {
        self.place(self.filter.as_deref().unwrap_or(&self.stream))
    }
}

impl<C: IntoConsumerConfig> Deref for TracedConsumer<C> {
    type Target = Consumer<C>;

    fn deref(&self) -> &Consumer<C> {
        &self.inner
    }
}

impl<C: IntoConsumerConfig> TracedConsumer<C> {
    pub(super) fn new(connection: &Arc<Connection>, inner: Consumer<C>) -> Self {
        let source = Arc::new(Source::new(connection, inner.cached_info()));
        Self { inner, source }
    }

    /// The consumer underneath.
    #[must_use]
    pub fn inner(&self) -> &Consumer<C> {
        &self.inner
    }

    /// Traces the messages of a stream that the consumer underneath has made, with whatever
    /// options: `consumer.trace(consumer.stream().max_messages_per_batch(10).messages().await?)`.
    pub fn trace<S, E>(&self, messages: S) -> TracedMessages<S>
    where
        S: Stream<Item = Result<Message, E>>,
    {
        TracedMessages { inner: messages, source: Arc::clone(&self.source) }
    }
}

impl TracedConsumer<pull::Config> {
    /// [`Consumer::messages`]; its messages carry the context they were published with.
    ///
    /// # Errors
    /// As [`Consumer::messages`].
    pub async fn messages(&self) -> Result<TracedMessages<pull::Stream>, StreamError> {
        Ok(self.trace(self.inner.messages().await?))
    }

    /// Receives at most `count` of the messages that wait already, inside a CLIENT span
    /// `<subject> receive` with a link to where each was created. No messages make no span.
    ///
    /// # Errors
    /// When the consumer cannot be asked, or its first answer is an error. One that comes after
    /// some messages is recorded on the span, and the messages are returned.
    pub async fn fetch(&self, count: usize) -> Result<TracedBatch, async_nats::Error> {
        let receive = async { self.inner.fetch().max_messages(count).messages().await };
        batch::receive(&self.source, receive).await
    }

    /// Receives `count` messages, or those that have come within `limit`, inside a CLIENT span
    /// `<subject> receive` with a link to where each was created. No messages make no span.
    ///
    /// # Errors
    /// As [`TracedConsumer::fetch`].
    pub async fn batch(&self, count: usize, limit: Duration) -> Result<TracedBatch, async_nats::Error> {
        let receive = async { self.inner.batch().max_messages(count).expires(limit).messages().await };
        batch::receive(&self.source, receive).await
    }
}

impl TracedConsumer<push::Config> {
    /// [`Consumer::messages`]; its messages carry the context they were published with.
    ///
    /// # Errors
    /// As [`Consumer::messages`].
    pub async fn messages(&self) -> Result<TracedMessages<push::Messages>, StreamError> {
        Ok(self.trace(self.inner.messages().await?))
    }
}

pin_project! {
    /// Messages of a [`TracedConsumer`].
    #[derive(Debug)]
    pub struct TracedMessages<S> {
        #[pin]
        inner: S,
        source: Arc<Source>,
    }
}

impl<S, E> Stream for TracedMessages<S>
where
    S: Stream<Item = Result<Message, E>>,
{
    type Item = Result<TracedMessage, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let next = this.inner.poll_next(cx);
        next.map(|message| message.map(|m| m.map(|m| TracedMessage::new(m, this.source, false))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
