//! Several messages at once: received in one span, handled in one span, linked to each.

use std::ops::Deref;
use std::sync::Arc;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Batch, BatchError};
use futures::StreamExt;

use super::consumer::Source;
use super::message::TracedMessage;
use crate::clock;
use crate::messaging::consume::{self, Outcome};
use crate::messaging::names;
use crate::messaging::operation::Running;
use crate::nats::client::set_size;
use crate::nats::connection::Verb;
use crate::nats::semconv::{CONSUMER_NAME, PROCESS, RECEIVE, STREAM};
use crate::propagation::TraceContext;

/// Messages that were received together. Handle them one by one, each below the span that
/// published it ([`TracedMessage::process`]), or all at once ([`TracedBatch::process`]).
#[derive(Debug)]
pub struct TracedBatch {
    messages: Vec<TracedMessage>,
    source: Arc<Source>,
}

impl Deref for TracedBatch {
    type Target = [TracedMessage];

    fn deref(&self) -> &[TracedMessage] {
        &self.messages
    }
}

impl IntoIterator for TracedBatch {
    type Item = TracedMessage;
    type IntoIter = std::vec::IntoIter<TracedMessage>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.into_iter()
    }
}

impl TracedBatch {
    /// Handles all messages inside one CONSUMER span `<subject> process` below the current span,
    /// with a link to where each message was created; the links carry the delivery of each.
    ///
    /// An error of the handler is recorded on the span and counted.
    pub async fn process<Mark, R: Outcome<Mark>, F: Future<Output = R>>(
        self,
        handler: impl FnOnce(Vec<TracedMessage>) -> F,
    ) -> R {
        for message in &self.messages {
            consume::consumed(message.context());
        }
        let mut running = begin(&self.source, PROCESS, &self.messages);
        if let Some(running) = &mut running {
            running.set_messages(0);
        }
        let around = TraceContext::current();
        consume::handle(running, &around, async { handler(self.messages).await }).await
    }
}

/// Collects the messages of a batch inside a span, which is made when there are any.
pub(super) async fn receive(
    source: &Arc<Source>,
    request: impl Future<Output = Result<Batch, BatchError>>,
) -> Result<TracedBatch, async_nats::Error> {
    let started = clock::monotonic_ns();
    let (received, failure) = match request.await {
        Ok(batch) => collect(batch).await,
        Err(error) => (Vec::new(), Some(error.into())),
    };
    let messages: Vec<_> = received.into_iter().map(|m| TracedMessage::new(m, source, true)).collect();
    if messages.is_empty() && failure.is_none() {
        return Ok(TracedBatch { messages, source: Arc::clone(source) });
    }
    if let Some(mut running) = begin(source, RECEIVE, &messages) {
        running.started_at(started);
        running.set_messages(messages.len());
        match &failure {
            None => running.succeed(),
            Some(error) => running.fail(error.as_ref(), "_OTHER"),
        }
    }
    match failure {
        Some(error) if messages.is_empty() => Err(error),
        _ => Ok(TracedBatch { messages, source: Arc::clone(source) }),
    }
}

async fn collect(mut batch: Batch) -> (Vec<Message>, Option<async_nats::Error>) {
    let mut messages = Vec::new();
    while let Some(next) = batch.next().await {
        match next {
            Ok(message) => messages.push(message),
            Err(error) => return (messages, Some(error)),
        }
    }
    (messages, None)
}

/// Starts an operation on several messages.
fn begin(source: &Source, verb: Verb, messages: &[TracedMessage]) -> Option<Running> {
    let running = source.connection.begin(verb, source.place_of_all(), None, |fields, limits| {
        set_size(fields, names::BATCH_COUNT, messages.len(), limits);
        fields.set_str(STREAM, &source.stream, limits);
        if let Some(delivery) = messages.first().and_then(TracedMessage::delivery) {
            fields.set_str(CONSUMER_NAME, delivery.consumer, limits);
        }
    })?;
    for message in messages {
        running.link(message.context(), |fields, limits| {
            fields.set_str(names::DESTINATION, &message.subject, limits);
            if let Some(delivery) = message.delivery() {
                delivery.identify(fields, limits);
            }
        });
    }
    Some(running)
}
