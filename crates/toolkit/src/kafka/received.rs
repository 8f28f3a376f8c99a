//! A message that was received, and its processing inside a span.

use std::ops::Deref;
use std::sync::OnceLock;

use super::headers::{self, Found, Headers};
use super::record::{Client, Record, Relation};
use crate::SpanKind;
use crate::messaging::consume::{self, Outcome};
use crate::messaging::names;
use crate::messaging::operation::{OperationType, Running};
use crate::propagation::TraceContext;

/// A message of any client.
pub trait Consumed {
    /// The client's headers.
    type Headers: Headers + ?Sized;

    /// Where it comes from and what it is.
    fn as_record(&self) -> Record<'_>;

    /// Its headers, if it has any.
    fn record_headers(&self) -> Option<&Self::Headers>;
}

/// A message with the context of its creation. It is the client's message to all purposes.
#[derive(Debug)]
pub struct Received<M> {
    pub(super) message: M,
    pub(super) creation: TraceContext,
    pub(super) client: Client,
    /// Which header has the message's id.
    message_id_at: Option<usize>,
    /// The span that processed it.
    processed: OnceLock<TraceContext>,
}

impl<M> Deref for Received<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M: Consumed> Received<M> {
    /// Takes a message from a client that this toolkit does not wrap.
    pub fn new(client: &Client, message: M) -> Self {
        let (creation, message_id_at) = match message.record_headers() {
            Some(headers) => {
                let found = Found::among(headers, client.message_id_name());
                (found.context(), found.message_id_at())
            }
            None => (TraceContext::default(), None),
        };
        Self { message, creation, client: client.clone(), message_id_at, processed: OnceLock::new() }
    }

    /// Where the message was created; not valid when its headers do not say.
    #[must_use]
    pub fn creation(&self) -> &TraceContext {
        &self.creation
    }

    /// Runs the handler of the message in a CONSUMER span `process <topic>`: a child of where the
    /// message was created (see [`Client::relation`]), with a link to there. An error is recorded
    /// on the span and passed on.
    ///
    /// The span lasts as long as the handler's future. Dropped before its end, it was cancelled.
    pub async fn process<'m, Mark, R, F, H>(&'m self, handler: F) -> R
    where
        F: FnOnce(&'m Self) -> H,
        H: Future<Output = R>,
        R: Outcome<Mark>,
    {
        let running = self.begin(&self.message.as_record());
        consume::handle(running, &self.creation, async { handler(self).await }).await
    }

    fn begin(&self, record: &Record<'_>) -> Option<Running> {
        let (client, creation) = (&self.client, &self.creation);
        let process = OperationType::Process;
        let operation = client.operation(record.topic, process.as_str(), process, SpanKind::Consumer);
        let running = match client.relation_to_creation() {
            Relation::Child => {
                let running = Running::begin(operation, consume::parent(&operation, creation).as_deref())?;
                running.link_surroundings(creation);
                running
            }
            Relation::Link => {
                consume::consumed(&operation, creation);
                let baggage = creation.baggage.clone();
                let parent =
                    baggage.map(|own| TraceContext { baggage: Some(own), ..TraceContext::current() });
                Running::begin(operation, parent.as_ref())?
            }
        };
        running.link(creation, |_, _| {});
        running.describe(|fields, limits| {
            client.describe(fields, limits);
            record.describe(fields, limits);
            record.describe_wait(fields, limits);
            if let Some(id) = self.message_id() {
                fields.set_str(names::MESSAGE_ID, id, limits);
            }
        });
        let _already = self.processed.set(running.context()).is_err();
        Some(running)
    }

    pub(super) fn message_id(&self) -> Option<&str> {
        headers::text(self.message.record_headers()?, self.message_id_at?)
    }

    /// Starts a CLIENT span `commit <topic>`: in the current span, else in the one that processed
    /// the message, else where the message was created.
    #[cfg(any(feature = "rdkafka", feature = "krafka"))]
    pub(super) fn begin_commit(&self, record: &Record<'_>) -> Option<Running> {
        let settle = OperationType::Settle;
        let operation = self.client.operation(record.topic, "commit", settle, SpanKind::Client);
        let around = TraceContext::current();
        let parent = match () {
            () if around.is_valid() => None,
            () => Some(self.processed.get().unwrap_or(&self.creation)),
        };
        let running = Running::begin(operation, parent)?;
        running.link(&self.creation, |_, _| {});
        running.describe(|fields, limits| {
            self.client.describe(fields, limits);
            record.describe_place(fields, limits);
        });
        Some(running)
    }
}
