//! Committing: a span around the client's request.

use super::batch::shared;
use super::received::{Consumed, Received};
use super::record::set_partition;
use super::semconv::OFFSET;
use crate::SpanKind;
use crate::core::Core;
use crate::fields::{Key, Stored};
use crate::layer::span_data::SpanData;
use crate::messaging::leaf::Leaf;
use crate::messaging::names;
use crate::messaging::operation::{OperationType, link};
use crate::propagation::TraceContext;

/// Starts a CLIENT span `commit <topic>` with a link for each message: in the current span, else in
/// the one that processed the messages, else where the last of them was created.
pub(super) fn begin<M: Consumed>(messages: &[Received<M>], processed: Option<&TraceContext>) -> Option<Leaf> {
    let last = messages.last()?;
    let topic = shared(messages, |record| record.topic).unwrap_or("");
    let operation = last.client.operation(topic, "commit", OperationType::Settle, SpanKind::Client);
    let around = TraceContext::current();
    let parent = if around.is_valid() { &around } else { processed.unwrap_or(&last.creation) };
    let mut leaf = Leaf::begin(&operation, Some(parent), |data, core| describe(data, core, messages, last))?;
    leaf.set_messages(messages.len());
    Some(leaf)
}

fn describe<M: Consumed>(data: &mut SpanData, core: &Core, messages: &[Received<M>], last: &Received<M>) {
    let limits = &core.settings.span_limits;
    last.client.describe(&mut data.fields, limits.fields);
    if messages.len() == 1 {
        last.message.as_record().describe_place(&mut data.fields, limits.fields);
        return link(data, limits, &last.creation, |_, _| {});
    }
    let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    data.fields.append(Key::Static(names::BATCH_COUNT), Stored::Int(count), limits.fields);
    if let Some(Some(partition)) = shared(messages, |record| record.partition) {
        set_partition(&mut data.fields, partition, limits.fields);
    }
    for received in messages {
        let record = received.message.as_record();
        link(data, limits, &received.creation, |fields, limits| {
            if let Some(partition) = record.partition {
                set_partition(fields, partition, limits);
            }
            if let Some(offset) = record.offset {
                fields.append(Key::Static(OFFSET), Stored::Int(offset), limits);
            }
        });
    }
}
