//! Several messages at once: received in one span, handled in one span, linked to each.

use std::ops::Deref;
use std::sync::Arc;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Batch, BatchError};
use futures::StreamExt;

use super::consumer::Source;
use super::message::TracedMessage;
use crate::clock;
use crate::core::Core;
use crate::layer::span_data::SpanData;
use crate::messaging::consume::{self, Outcome};
use crate::messaging::names;
use crate::messaging::operation::link;
use crate::nats::client::set_size;
use crate::nats::semconv::{CONSUMER, CONSUMER_NAME, PROCESS, RECEIVE, STREAM};
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
    /// with a link to where each message was created; the links carry the delivery of each. There
    /// are 8,192 of them at most, or as many as `OTEL_SPAN_LINK_COUNT_LIMIT` says where that is
    /// set. No messages make no span.
    ///
    /// An error of the handler is recorded on the span and counted.
    pub async fn process<Mark, R: Outcome<Mark>, F: Future<Output = R>>(
        self,
        handler: impl FnOnce(Vec<TracedMessage>) -> F,
    ) -> R {
        let (source, messages) = (&self.source, &self.messages);
        let creations = messages.iter().map(TracedMessage::context);
        let place = source.place_of_all();
        let begin = || {
            source.connection.handle_all(PROCESS, place, creations, |data, core| {
                describe(data, core, source, messages);
            })
        };
        let mut running = if messages.is_empty() { None } else { begin() };
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
    let receive = source.connection.leaf(RECEIVE, source.place_of_all(), None, |data, core| {
        describe(data, core, source, &messages);
    });
    if let Some(mut receive) = receive {
        receive.started_at(started);
        receive.set_messages(messages.len());
        match &failure {
            None => receive.succeed(),
            Some(error) => receive.fail(error.as_ref(), "_OTHER"),
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

/// Describes an operation on several messages, and links it to each.
fn describe(data: &mut SpanData, core: &Core, source: &Source, messages: &[TracedMessage]) {
    let limits = &core.settings.span_limits;
    set_size(data, core, names::BATCH_COUNT, messages.len());
    data.fields.append_str(STREAM, &source.stream, limits.fields);
    if let Some(delivery) = messages.first().and_then(TracedMessage::delivery) {
        data.fields.append_str(CONSUMER, delivery.consumer, limits.fields);
        data.fields.append_str(CONSUMER_NAME, delivery.consumer, limits.fields);
    }
    for message in messages {
        link(data, limits, message.context(), |fields, limits| {
            fields.append_str(names::DESTINATION, &message.subject, limits);
            if let Some(delivery) = message.delivery() {
                delivery.identify(fields, limits);
            }
        });
    }
}
