//! JetStream: publishing until the stream has answered, consumers, acknowledgements, and the
//! [key-value store](kv).

mod ack;
mod batch;
mod consumer;
mod delivery;
pub mod kv;
mod message;

use std::ops::Deref;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{Consumer, IntoConsumerConfig};
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::context::traits::Publisher;
use async_nats::jetstream::kv::Store;
use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use async_nats::{HeaderMap, Message, ToSubject, header};
use bytes::Bytes;

use super::client::{TracedClient, carried, set_size};
use super::connection::Place;
use super::headers::{forwarded_headers, outgoing};
use super::semconv::{PUBLISH, stream_error};
use crate::core::Core;
use crate::layer::span_data::SpanData;
use crate::messaging::names;
use kv::TracedStore;

pub use ack::TracedAckFuture;
pub use batch::TracedBatch;
pub use consumer::{TracedConsumer, TracedMessages};
pub use message::TracedMessage;

/// A JetStream [`Context`] whose messages are traced. It derefs to the one underneath, to manage
/// streams and consumers. Made by [`TracedClient::jetstream`].
#[derive(Debug, Clone)]
pub struct TracedContext {
    inner: Context,
    client: TracedClient,
}

impl Deref for TracedContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.inner
    }
}

impl TracedContext {
    /// Traces the messages of a context on the connection of `client`, such as one of another
    /// domain.
    #[must_use]
    pub fn new(client: &TracedClient, context: Context) -> Self {
        Self { inner: context, client: client.clone() }
    }

    /// A context whose messages ask nats-server to report their route: see
    /// [`TracedClient::trace_to`].
    #[must_use]
    pub fn trace_to(&self, subject: &str) -> Self {
        Self { inner: self.inner.clone(), client: self.client.trace_to(subject) }
    }

    /// The context underneath.
    #[must_use]
    pub fn inner(&self) -> &Context {
        &self.inner
    }

    /// Traces what a consumer receives.
    #[must_use]
    pub fn consumer<C: IntoConsumerConfig>(&self, consumer: Consumer<C>) -> TracedConsumer<C> {
        TracedConsumer::new(self.client.connection(), consumer)
    }

    /// Traces the operations on a bucket:
    /// `jetstream.key_value(jetstream.get_key_value("rooms").await?)`.
    #[must_use]
    pub fn key_value(&self, store: Store) -> TracedStore {
        TracedStore::new(self.client.connection(), store)
    }

    /// [`Context::publish`] inside a PRODUCER span, which lasts until the answer that is returned
    /// has come: `publish(…).await?.await?`.
    ///
    /// # Errors
    /// As [`Context::publish`].
    pub async fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> Result<TracedAckFuture, PublishError> {
        self.send_publish(subject, PublishMessage::build().payload(payload)).await
    }

    /// [`Context::publish_with_headers`] inside a PRODUCER span.
    ///
    /// # Errors
    /// As [`Context::publish_with_headers`].
    pub async fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<TracedAckFuture, PublishError> {
        self.send_publish(subject, PublishMessage::build().payload(payload).headers(headers)).await
    }

    /// Publishes a received message again, to another subject: its payload and what
    /// [`forwarded_headers`] leaves of its headers.
    ///
    /// # Errors
    /// As [`Context::publish_with_headers`].
    pub async fn forward<S: ToSubject>(
        &self,
        subject: S,
        message: &Message,
    ) -> Result<TracedAckFuture, PublishError> {
        let headers = message.headers.as_ref().map(forwarded_headers);
        self.send(OutboundMessage::new(subject.to_subject(), message.payload.clone(), headers)).await
    }

    /// [`Context::send_publish`] inside a PRODUCER span.
    ///
    /// # Errors
    /// As [`Context::send_publish`].
    pub async fn send_publish<S: ToSubject>(
        &self,
        subject: S,
        publish: PublishMessage,
    ) -> Result<TracedAckFuture, PublishError> {
        self.send(publish.outbound_message(subject)).await
    }

    async fn send(&self, mut message: OutboundMessage) -> Result<TracedAckFuture, PublishError> {
        let connection = self.client.connection();
        let place = Place { subject: &message.subject, ..Place::default() };
        let publish = connection.leaf(PUBLISH, place, None, |data, core| {
            set_size(data, core, names::BODY_SIZE, message.payload.len());
            set_message_id(data, core, message.headers.as_ref());
        });
        let headers = message.headers.take();
        message.headers = outgoing(headers, &carried(publish.as_ref()), connection.trace_to.as_ref());
        match self.inner.publish_message(message).await {
            Ok(ack) => Ok(TracedAckFuture::new(ack, publish)),
            Err(error) => {
                if let Some(publish) = publish {
                    publish.fail(&error, stream_error(error.kind()));
                }
                Err(error)
            }
        }
    }
}

/// What a stream knows a message by, to refuse it a second time.
fn set_message_id(data: &mut SpanData, core: &Core, headers: Option<&HeaderMap>) {
    if let Some(id) = headers.and_then(|headers| headers.get(header::NATS_MESSAGE_ID)) {
        data.fields.append_str(names::MESSAGE_ID, id.as_str(), core.settings.span_limits.fields);
    }
}
