//! Messages that are processed together: one span, which links to where each was created.

use std::ops::Deref;
use std::sync::OnceLock;

use super::received::{Consumed, Received};
use super::record::{Client, Record, set_partition};
use crate::SpanKind;
use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::layer::span_data::SpanData;
use crate::messaging::consume::{self, Outcome};
use crate::messaging::names;
use crate::messaging::operation::{OperationType, Running, link};
use crate::propagation::TraceContext;

/// Messages to be processed together, in the order they were received.
#[derive(Debug)]
pub struct Batch<M> {
    pub(super) messages: Vec<Received<M>>,
    client: Client,
    /// The span that processed them.
    processed: OnceLock<TraceContext>,
}

impl<M> Deref for Batch<M> {
    type Target = [Received<M>];

    fn deref(&self) -> &[Received<M>] {
        &self.messages
    }
}

impl<M> IntoIterator for Batch<M> {
    type Item = Received<M>;
    type IntoIter = std::vec::IntoIter<Received<M>>;

    fn into_iter(self) -> Self::IntoIter {
        self.messages.into_iter()
    }
}

impl<M: Consumed> Batch<M> {
    /// Takes messages from a client that this toolkit does not wrap.
    pub fn new(client: &Client, messages: impl IntoIterator<Item = M>) -> Self {
        Self::of(client, messages.into_iter().map(|message| Received::new(client, message)).collect())
    }

    pub(super) fn of(client: &Client, messages: Vec<Received<M>>) -> Self {
        Self { messages, client: client.clone(), processed: OnceLock::new() }
    }

    /// The span that processed them.
    #[cfg(any(feature = "rdkafka", feature = "krafka"))]
    pub(super) fn processed(&self) -> Option<&TraceContext> {
        self.processed.get()
    }

    /// Runs the handler of the messages in one CONSUMER span, `process <topic>` when all are of one
    /// topic. It has a link for each message, which says partition, offset and key: 8,192 of them, or
    /// as many as `OTEL_SPAN_LINK_COUNT_LIMIT` says where that is set. A batch without messages makes no
    /// span.
    pub async fn process<'m, Mark, R, F, H>(&'m self, handler: F) -> R
    where
        F: FnOnce(&'m [Received<M>]) -> H,
        H: Future<Output = R>,
        R: Outcome<Mark>,
    {
        let running = self.begin();
        let handler = async {
            let _before = self.processed.set(TraceContext::current()).is_err();
            handler(&self.messages).await
        };
        consume::handle(running, &TraceContext::current(), handler).await
    }

    fn begin(&self) -> Option<Running> {
        let topic = shared(&self.messages, |record| record.topic).unwrap_or("");
        let process = OperationType::Process;
        let operation = self.client.operation(topic, process.as_str(), process, SpanKind::Consumer);
        if self.is_empty() {
            return None;
        }
        for received in &self.messages {
            consume::consumed(&operation, &received.creation);
        }
        let mut running = Running::begin_with(operation, None, |data, core| self.describe(data, core))?;
        running.set_messages(self.len());
        Some(running)
    }

    fn describe(&self, data: &mut SpanData, core: &Core) {
        let limits = &core.settings.span_limits;
        self.client.describe(&mut data.fields, limits.fields);
        let count = i64::try_from(self.len()).unwrap_or(i64::MAX);
        data.fields.append(Key::Static(names::BATCH_COUNT), Stored::Int(count), limits.fields);
        if let Some(Some(partition)) = shared(&self.messages, |record| record.partition) {
            set_partition(&mut data.fields, partition, limits.fields);
        }
        let mixed = shared(&self.messages, |record| record.topic).is_none();
        let started_ns = data.start_ns;
        for received in &self.messages {
            let record = received.message.as_record();
            link(data, limits, &received.creation, |fields, limits| {
                if mixed {
                    fields.append_str(names::DESTINATION, record.topic, limits);
                }
                record.describe(fields, limits);
                record.describe_wait(fields, limits, started_ns);
                if let Some(id) = received.message_id() {
                    fields.append_str(names::MESSAGE_ID, id, limits);
                }
            });
        }
    }
}

/// What all messages have the same, if they do.
pub(super) fn shared<'a, M: Consumed, V: PartialEq>(
    messages: &'a [Received<M>],
    of: impl Fn(&Record<'a>) -> V,
) -> Option<V> {
    let mut values = messages.iter().map(|received| of(&received.message.as_record()));
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
