//! Messages of a subscription.

use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::Subscriber;
use futures::Stream;

use super::connection::{Connection, Place};
use super::message::TracedMessage;
use super::subject::is_pattern;

/// A [`Subscriber`] whose messages carry the context they were sent with. It derefs to the one
/// underneath, to unsubscribe and to drain.
#[derive(Debug)]
pub struct TracedSubscriber {
    inner: Subscriber,
    source: Arc<Source>,
}

/// Where messages of a subscription come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) connection: Arc<Connection>,
    /// The subject that was subscribed to, when it has wildcards.
    pub(super) pattern: Option<String>,
    pub(super) group: Option<String>,
}

impl Source {
    /// Of a message whose subscription is not known.
    pub(super) fn unknown(connection: &Arc<Connection>) -> Self {
        Self { connection: Arc::clone(connection), pattern: None, group: None }
    }

    pub(super) fn place<'a>(&'a self, subject: &'a str) -> Place<'a> {
        Place { subject, pattern: self.pattern.as_deref(), group: self.group.as_deref() }
    }
}

impl TracedSubscriber {
    pub(super) fn new(
        inner: Subscriber,
        connection: &Arc<Connection>,
        subject: &str,
        group: Option<&str>,
    ) -> Self {
        let source = Source {
            connection: Arc::clone(connection),
            pattern: is_pattern(subject).then(|| subject.to_owned()),
            group: group.map(str::to_owned),
        };
        Self { inner, source: Arc::new(source) }
    }
}

impl Deref for TracedSubscriber {
    type Target = Subscriber;

    fn deref(&self) -> &Subscriber {
        &self.inner
    }
}

impl DerefMut for TracedSubscriber {
    fn deref_mut(&mut self) -> &mut Subscriber {
        &mut self.inner
    }
}

impl Stream for TracedSubscriber {
    type Item = TracedMessage;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TracedMessage>> {
        let next = Pin::new(&mut self.inner).poll_next(cx);
        next.map(|message| message.map(|message| TracedMessage::new(message, &self.source)))
    }
}
