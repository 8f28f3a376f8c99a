//! A received message: handled in a span, answered within the same trace.

use std::ops::Deref;
use std::sync::Arc;

use async_nats::{HeaderMap, Message, PublishError};
use bytes::Bytes;

use super::client::set_size;
use super::connection::Verb;
use super::headers::{extract, outgoing};
use super::semconv::{PROCESS, RESPOND, RESPONSE_SIZE};
use super::subscriber::Source;
use crate::layer;
use crate::messaging::consume::{self, Outcome};
use crate::messaging::names;
use crate::messaging::operation::{Running, link};
use crate::propagation::TraceContext;

/// A message of a [`TracedSubscriber`](super::TracedSubscriber). It derefs to the one underneath.
#[derive(Debug, Clone)]
pub struct TracedMessage {
    message: Message,
    context: TraceContext,
    source: Arc<Source>,
}

impl Deref for TracedMessage {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

impl From<TracedMessage> for Message {
    fn from(traced: TracedMessage) -> Self {
        traced.message
    }
}

impl TracedMessage {
    pub(super) fn new(message: Message, source: &Arc<Source>) -> Self {
        let context = message.headers.as_ref().map(extract).unwrap_or_default();
        Self { message, context, source: Arc::clone(source) }
    }

    /// The context the message was sent with; invalid when it carried none.
    #[must_use]
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// Handles the message inside a CONSUMER span `<subject> process`: a child of the span that
    /// sent the message, linked to it and to the span around this call, if there is one.
    ///
    /// An error of the handler is recorded on the span and counted.
    pub async fn process<Mark, R: Outcome<Mark>, F: Future<Output = R>>(
        self,
        handler: impl FnOnce(Self) -> F,
    ) -> R {
        let running = self.begin(PROCESS, true);
        let context = self.context.clone();
        consume::handle(running, &context, async { handler(self).await }).await
    }

    /// Answers a request inside a SERVER span `<subject> respond`: a child of the span that made
    /// the request. The handler replies with [`TracedMessage::respond`].
    ///
    /// An error of the handler is recorded on the span and counted.
    pub async fn serve<Mark, R: Outcome<Mark>, F: Future<Output = R>>(
        self,
        handler: impl FnOnce(Self) -> F,
    ) -> R {
        let running = self.begin(RESPOND, false);
        let context = self.context.clone();
        consume::handle(running, &context, async { handler(self).await }).await
    }

    fn begin(&self, verb: Verb, linked: bool) -> Option<Running> {
        let place = self.source.place(&self.message.subject);
        self.source.connection.handle(verb, place, &self.context, |data, core| {
            set_size(data, core, names::BODY_SIZE, self.message.payload.len());
            if linked {
                link(data, &core.settings.span_limits, &self.context, |_, _| {});
            }
        })
    }

    /// Replies to a request. The reply belongs to the trace of the request and makes no span of
    /// its own; its size becomes an attribute of the current span. A message that asks for no
    /// reply gets none.
    ///
    /// # Errors
    /// As [`async_nats::Client::publish`].
    pub async fn respond(&self, payload: Bytes) -> Result<(), PublishError> {
        self.reply_with(None, payload).await
    }

    /// [`TracedMessage::respond`] with headers.
    ///
    /// # Errors
    /// As [`async_nats::Client::publish_with_headers`].
    pub async fn respond_with_headers(&self, headers: HeaderMap, payload: Bytes) -> Result<(), PublishError> {
        self.reply_with(Some(headers), payload).await
    }

    async fn reply_with(&self, headers: Option<HeaderMap>, payload: Bytes) -> Result<(), PublishError> {
        let Some(reply) = self.message.reply.clone() else { return Ok(()) };
        layer::with_data(&tracing::Span::current(), |data, core| {
            set_size(data, core, RESPONSE_SIZE, payload.len());
        });
        let connection = &self.source.connection;
        let current = TraceContext::current();
        let carried = if current.is_valid() { &current } else { &self.context };
        match outgoing(headers, carried, connection.trace_to.as_ref()) {
            None => connection.client.publish(reply, payload).await,
            Some(headers) => connection.client.publish_with_headers(reply, headers, payload).await,
        }
    }
}
