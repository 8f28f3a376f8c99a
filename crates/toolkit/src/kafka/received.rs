//! A message that was received, and its processing inside a span.

use std::ops::Deref;
use std::sync::OnceLock;

use super::headers::{self, Found, Headers};
use super::record::{Client, Record, Relation};
use crate::SpanKind;
use crate::core::Core;
use crate::layer::span_data::SpanData;
use crate::messaging::consume::{self, Outcome};
use crate::messaging::names;
use crate::messaging::operation::{OperationType, Running, link, link_surroundings};
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
        let handler = async {
            let _before = self.processed.set(TraceContext::current()).is_err();
            handler(self).await
        };
        consume::handle(running, &self.creation, handler).await
    }

    fn begin(&self, record: &Record<'_>) -> Option<Running> {
        let (client, creation) = (&self.client, &self.creation);
        let process = OperationType::Process;
        let operation = client.operation(record.topic, process.as_str(), process, SpanKind::Consumer);
        let describe = |data: &mut SpanData, core: &Core| {
            let limits = &core.settings.span_limits;
            link(data, limits, creation, |_, _| {});
            client.describe(&mut data.fields, limits.fields);
            record.describe(&mut data.fields, limits.fields);
            record.describe_wait(&mut data.fields, limits.fields, data.start_ns);
            if let Some(id) = self.message_id() {
                data.fields.append_str(names::MESSAGE_ID, id, limits.fields);
            }
        };
        match client.relation_to_creation() {
            Relation::Child => {
                let parent = consume::parent(&operation, creation);
                Running::begin_with(operation, parent.as_deref(), |data, core| {
                    describe(data, core);
                    link_surroundings(data, core, creation);
                })
            }
            Relation::Link => {
                consume::consumed(&operation, creation);
                let baggage = creation.baggage.clone();
                let parent =
                    baggage.map(|own| TraceContext { baggage: Some(own), ..TraceContext::current() });
                Running::begin_with(operation, parent.as_ref(), describe)
            }
        }
    }

    pub(super) fn message_id(&self) -> Option<&str> {
        headers::text(self.message.record_headers()?, self.message_id_at?)
    }

    /// The span that processed it.
    #[cfg(any(feature = "rdkafka", feature = "krafka"))]
    pub(super) fn processed(&self) -> Option<&TraceContext> {
        self.processed.get()
    }
}
