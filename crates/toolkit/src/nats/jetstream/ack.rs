//! The stream's answer to a message that was published to it.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::publish::PublishAck;

use crate::fields::{Key, Stored};
use crate::messaging::leaf::Leaf;
use crate::nats::semconv::{DUPLICATE, STREAM, STREAM_SEQUENCE, stream_error};

/// Waits for the stream's answer when it is awaited. The span of the publish ends with the answer;
/// when nobody waits for it, the span ends without.
#[derive(Debug)]
#[must_use = "only the answer says that the message was stored"]
pub struct TracedAckFuture {
    inner: PublishAckFuture,
    publish: Sent,
}

impl TracedAckFuture {
    pub(super) fn new(inner: PublishAckFuture, publish: Option<Leaf>) -> Self {
        Self { inner, publish: Sent(publish) }
    }
}

impl IntoFuture for TracedAckFuture {
    type Output = Result<PublishAck, PublishError>;
    type IntoFuture = AckWait;

    fn into_future(mut self) -> AckWait {
        AckWait { publish: self.publish.0.take(), inner: self.inner.into_future() }
    }
}

/// A message that was sent and may yet be answered.
#[derive(Debug)]
struct Sent(Option<Leaf>);

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(publish) = self.0.take() {
            publish.succeed();
        }
    }
}

/// The future of a [`TracedAckFuture`].
pub struct AckWait {
    inner: <PublishAckFuture as IntoFuture>::IntoFuture,
    publish: Option<Leaf>,
}

impl std::fmt::Debug for AckWait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AckWait").field("publish", &self.publish).finish_non_exhaustive()
    }
}

impl Future for AckWait {
    type Output = Result<PublishAck, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = std::task::ready!(self.inner.as_mut().poll(cx));
        let Some(mut publish) = self.publish.take() else { return Poll::Ready(outcome) };
        if let Ok(answer) = &outcome {
            publish.more(|data, core| {
                let (fields, limits) = (&mut data.fields, core.settings.span_limits.fields);
                fields.set_str(STREAM, &answer.stream, limits);
                let sequence = i64::try_from(answer.sequence).unwrap_or(i64::MAX);
                fields.set(Key::Static(STREAM_SEQUENCE), Stored::Int(sequence), limits);
                fields.set(Key::Static(DUPLICATE), Stored::Bool(answer.duplicate), limits);
            });
        }
        Poll::Ready(publish.finish(outcome, |error| Cow::Borrowed(stream_error(error.kind()))))
    }
}
