//! A message of a consumer: handled in a span, settled in another.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};

use super::consumer::Source;
use super::delivery::Delivery;
use super::set_message_id;
use crate::fields::{Key, Stored};
use crate::messaging::consume::{self, Outcome};
use crate::messaging::leaf::Leaf;
use crate::messaging::names;
use crate::messaging::operation::{Running, link};
use crate::nats::client::set_size;
use crate::nats::headers::extract;
use crate::nats::semconv::{NAK_DELAY, PROCESS, settle};
use crate::propagation::TraceContext;

/// A message of a [`TracedConsumer`](super::TracedConsumer). It derefs to the one underneath; the
/// methods that settle it are replaced by traced ones.
#[derive(Debug, Clone)]
pub struct TracedMessage {
    message: Message,
    context: TraceContext,
    source: Arc<Source>,
    /// It was counted as delivered when its batch was received.
    counted: bool,
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
    pub(super) fn new(message: Message, source: &Arc<Source>, counted: bool) -> Self {
        let context = message.headers.as_ref().map(extract).unwrap_or_default();
        let message = Self { message, context, source: Arc::clone(source), counted };
        if let (Some(progress), Some(delivery)) = (&source.progress, message.delivery()) {
            progress.delivered(delivery.pending, delivery.delivered > 1);
        }
        message
    }

    /// The context the message was published with; invalid when it carried none. It is the same
    /// for each delivery of the message, to whichever consumer.
    #[must_use]
    pub fn context(&self) -> &TraceContext {
        &self.context
    }

    /// How this delivery came about; `None` when the message is of no consumer.
    pub(super) fn delivery(&self) -> Option<Delivery<'_>> {
        Delivery::parse(self.message.reply.as_deref()?)
    }

    /// Handles the message inside a CONSUMER span `<subject> process`: a child of the span that
    /// published the message, linked to it and to the span around this call, if there is one.
    /// Each delivery of a message has a span of its own with the same parent.
    ///
    /// An error of the handler is recorded on the span and counted. Nothing is settled here: the
    /// handler does, with [`TracedMessage::ack`] and the like.
    pub async fn process<Mark, R: Outcome<Mark>, F: Future<Output = R>>(
        self,
        handler: impl FnOnce(Self) -> F,
    ) -> R {
        let running = self.begin_process();
        let context = self.context.clone();
        consume::handle(running, &context, async { handler(self).await }).await
    }

    fn begin_process(&self) -> Option<Running> {
        let place = self.source.place(&self.message.subject);
        let running = self.source.connection.handle(PROCESS, place, &self.context, |data, core| {
            set_size(data, core, names::BODY_SIZE, self.message.payload.len());
            set_message_id(data, core, self.message.headers.as_ref());
            if let Some(delivery) = self.delivery() {
                let started_ns = data.start_ns;
                delivery.describe(&mut data.fields, core.settings.span_limits.fields, started_ns);
            }
            link(data, &core.settings.span_limits, &self.context, |_, _| {});
        });
        let mut running = running?;
        if self.counted {
            running.set_messages(0);
        }
        Some(running)
    }

    /// [`Message::ack`] inside a CLIENT span `<subject> ack`.
    ///
    /// # Errors
    /// As [`Message::ack`].
    pub async fn ack(&self) -> Result<(), async_nats::Error> {
        self.settled(self.settling("ack", None), self.message.ack()).await
    }

    /// Has the message delivered again, at once or after `delay`, inside a CLIENT span
    /// `<subject> nak`.
    ///
    /// # Errors
    /// As [`Message::ack_with`].
    pub async fn nak(&self, delay: Option<Duration>) -> Result<(), async_nats::Error> {
        self.ack_with(AckKind::Nak(delay)).await
    }

    /// Has the message never delivered again, inside a CLIENT span `<subject> term`.
    ///
    /// # Errors
    /// As [`Message::ack_with`].
    pub async fn term(&self) -> Result<(), async_nats::Error> {
        self.ack_with(AckKind::Term).await
    }

    /// Asks for more time before the message is delivered again, inside a CLIENT span
    /// `<subject> in_progress`.
    ///
    /// # Errors
    /// As [`Message::ack_with`].
    pub async fn in_progress(&self) -> Result<(), async_nats::Error> {
        self.ack_with(AckKind::Progress).await
    }

    /// [`Message::ack_with`] inside a CLIENT span named by what is done.
    ///
    /// # Errors
    /// As [`Message::ack_with`].
    pub async fn ack_with(&self, kind: AckKind) -> Result<(), async_nats::Error> {
        let (name, delay) = described(kind);
        self.settled(self.settling(name, delay), self.message.ack_with(kind)).await
    }

    /// [`Message::double_ack`] inside a CLIENT span `<subject> double_ack`, which lasts until the
    /// server has confirmed.
    ///
    /// # Errors
    /// As [`Message::double_ack`].
    pub async fn double_ack(&self) -> Result<(), async_nats::Error> {
        self.settled(self.settling("double_ack", None), self.message.double_ack()).await
    }

    /// [`Message::double_ack_with`] inside a CLIENT span named by what is done, which lasts until
    /// the server has confirmed.
    ///
    /// # Errors
    /// As [`Message::double_ack_with`].
    pub async fn double_ack_with(&self, kind: AckKind) -> Result<(), async_nats::Error> {
        let (name, delay) = described(kind);
        self.settled(self.settling(name, delay), self.message.double_ack_with(kind)).await
    }

    /// Starts the span of a settlement: below the current span, which usually handles the
    /// message, or else below the one that published it.
    fn settling(&self, name: &'static str, delay: Option<Duration>) -> Option<Leaf> {
        let around = TraceContext::current();
        let parent = (!around.is_valid()).then_some(&self.context);
        let place = self.source.place(&self.message.subject);
        self.source.connection.leaf(settle(name), place, parent, |data, core| {
            let limits = core.settings.span_limits.fields;
            if let Some(delivery) = self.delivery() {
                delivery.locate(&mut data.fields, limits);
            }
            if let Some(delay) = delay {
                data.fields.set(Key::Static(NAK_DELAY), Stored::Double(delay.as_secs_f64()), limits);
            }
        })
    }

    async fn settled(
        &self,
        settling: Option<Leaf>,
        settlement: impl Future<Output = Result<(), async_nats::Error>>,
    ) -> Result<(), async_nats::Error> {
        let outcome = settlement.await;
        match (settling, &outcome) {
            (None, _) => {}
            (Some(settling), Ok(())) => settling.succeed(),
            (Some(settling), Err(error)) => settling.fail(error.as_ref(), settle_error(error.as_ref())),
        }
        outcome
    }
}

/// What an acknowledgement is called, and its delay.
fn described(kind: AckKind) -> (&'static str, Option<Duration>) {
    match kind {
        AckKind::Ack => ("ack", None),
        AckKind::Nak(delay) => ("nak", delay),
        AckKind::Progress => ("in_progress", None),
        AckKind::Next => ("next", None),
        AckKind::Term => ("term", None),
    }
}

/// `error.type` of a settlement.
fn settle_error(error: &(dyn std::error::Error + 'static)) -> &'static str {
    match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::TimedOut) => "timeout",
        _ => "_OTHER",
    }
}
