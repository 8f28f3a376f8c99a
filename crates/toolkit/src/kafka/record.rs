//! What spans say about a record and about the client that has it.

use std::sync::Arc;

use super::semconv::{CLOCK_SKEW, KEY, OFFSET, PARTITION, QUEUE_TIME, SYSTEM, TIMESTAMP_TYPE, TOMBSTONE};
use super::server;
use crate::SpanKind;
use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::messaging::names;
use crate::messaging::operation::{Destination, Operation, OperationType};

/// The header that [`Client::message_id_header`] replaces.
const MESSAGE_ID: &str = "message-id";

/// A record, as any client has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record<'a> {
    /// Where it goes or comes from.
    pub topic: &'a str,
    /// The partition, once known.
    pub partition: Option<i32>,
    /// The offset in the partition, once known.
    pub offset: Option<i64>,
    /// The key, shown on spans when it is UTF-8.
    pub key: Option<&'a [u8]>,
    /// Bytes of the value. `None` when it has no value: a tombstone.
    pub size: Option<usize>,
    /// When it was made or stored.
    pub timestamp: Timestamp,
}

/// The timestamp of a record, milliseconds since 1970, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timestamp {
    /// It has none.
    #[default]
    Unknown,
    /// `CreateTime`: the producer made it.
    Created(i64),
    /// `LogAppendTime`: the broker stored it.
    Appended(i64),
}

impl Timestamp {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> Option<i64> {
        match self {
            Self::Unknown => None,
            Self::Created(millis) | Self::Appended(millis) => Some(millis),
        }
    }
}

impl Record<'_> {
    /// Says of a span what it is about, which nothing has said yet.
    pub(super) fn describe(&self, fields: &mut Fields, limits: FieldLimits) {
        self.describe_place(fields, limits);
        let size = self.size.and_then(|size| i64::try_from(size).ok());
        if let Some(size) = size {
            fields.append(Key::Static(names::BODY_SIZE), Stored::Int(size), limits);
        }
    }

    /// What tells the record from others of its topic.
    pub(super) fn describe_place(&self, fields: &mut Fields, limits: FieldLimits) {
        if let Some(partition) = self.partition {
            let text = partition_text(fields, partition, limits);
            fields.append(Key::Static(PARTITION), text, limits);
        }
        if let Some(offset) = self.offset {
            fields.append(Key::Static(OFFSET), Stored::Int(offset), limits);
        }
        // A key that is no text has no form that everybody would write it in.
        if let Some(key) = self.key.and_then(|key| str::from_utf8(key).ok()) {
            fields.append_str(KEY, key, limits);
        }
        if self.size.is_none() {
            fields.append(Key::Static(TOMBSTONE), Stored::Bool(true), limits);
        }
    }

    /// How long it waited until `now_ns`, nanoseconds since 1970, and since which event.
    pub(super) fn describe_wait(&self, fields: &mut Fields, limits: FieldLimits, now_ns: u64) {
        let (since, kind) = match self.timestamp {
            Timestamp::Unknown => return,
            Timestamp::Created(millis) => (millis, "CreateTime"),
            Timestamp::Appended(millis) => (millis, "LogAppendTime"),
        };
        let waited = i64::try_from(now_ns / 1_000_000).unwrap_or(i64::MAX).saturating_sub(since);
        #[expect(clippy::cast_precision_loss, reason = "a fraction of a millisecond in ages")]
        let seconds = waited as f64 / 1e3;
        fields.append(Key::Static(QUEUE_TIME), Stored::Double(seconds), limits);
        if waited < 0 {
            fields.append(Key::Static(CLOCK_SKEW), Stored::Bool(true), limits);
        }
        fields.append(Key::Static(TIMESTAMP_TYPE), Stored::Static(kind), limits);
    }
}

/// Says the partition, once it is known.
pub(super) fn set_partition(fields: &mut Fields, partition: i32, limits: FieldLimits) {
    let text = partition_text(fields, partition, limits);
    fields.set(Key::Static(PARTITION), text, limits);
}

/// Partitions are numbers, but the conventions want text. That of the usual ones is at hand.
pub(super) fn partition_text(fields: &mut Fields, partition: i32, limits: FieldLimits) -> Stored {
    const USUAL: [&str; 16] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];
    let usual = usize::try_from(partition).ok().and_then(|number| USUAL.get(number));
    match usual.filter(|text| text.len() <= limits.value_length) {
        Some(text) => Stored::Static(text),
        None => fields.store_args(format_args!("{partition}"), limits),
    }
}

/// How the span that processes a message relates to where the message was created. Either way it
/// links to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relation {
    /// It is a child: the trace of the producer runs on.
    #[default]
    Child,
    /// It belongs to the current span, or starts a trace: for messages that wait long enough to
    /// make one trace of both sides unreadable.
    Link,
}

/// What is the same for all records that a client sends or receives. Clones are cheap.
///
/// ```
/// use throughline_toolkit::kafka::Client;
/// let client = Client::new().group("read-model").message_id_header("event-id");
/// # let _ = client;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Client(Arc<Known>);

#[derive(Debug, Clone, Default)]
struct Known {
    id: Option<String>,
    group: Option<String>,
    message_id_header: Option<String>,
    relation: Relation,
    server: Option<(String, u16)>,
}

impl Client {
    /// A client of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `messaging.client.id`: the `client.id` it is configured with.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        self.knowing(|known| known.id = Some(id.into()))
    }

    /// `messaging.consumer.group.name`: the `group.id` it is configured with.
    #[must_use]
    pub fn group(self, group: impl Into<String>) -> Self {
        self.knowing(|known| known.group = Some(group.into()))
    }

    /// `server.address` and `server.port`: `host:port` as in `bootstrap.servers`, with port 9092
    /// unless said. A list of several brokers takes both away, as no operation is known to go to
    /// one of them.
    #[must_use]
    pub fn server(self, server: &str) -> Self {
        self.knowing(|known| known.server = server::only_one(server))
    }

    /// The header that holds `messaging.message.id`, by which duplicates are found: `message-id`
    /// unless said.
    #[must_use]
    pub fn message_id_header(self, name: impl Into<String>) -> Self {
        self.knowing(|known| known.message_id_header = Some(name.into()))
    }

    /// How the span of a message relates to where the message was created.
    #[must_use]
    pub fn relation(self, relation: Relation) -> Self {
        self.knowing(|known| known.relation = relation)
    }

    fn knowing(mut self, learn: impl FnOnce(&mut Known)) -> Self {
        learn(Arc::make_mut(&mut self.0));
        self
    }

    pub(super) fn group_name(&self) -> Option<&str> {
        self.0.group.as_deref()
    }

    pub(super) fn message_id_name(&self) -> &str {
        self.0.message_id_header.as_deref().unwrap_or(MESSAGE_ID)
    }

    pub(super) fn relation_to_creation(&self) -> Relation {
        self.0.relation
    }

    /// Says of a span whose it is.
    pub(super) fn describe(&self, fields: &mut Fields, limits: FieldLimits) {
        if let Some(id) = &self.0.id {
            fields.append_str(names::CLIENT_ID, id, limits);
        }
    }

    pub(super) fn operation<'a>(
        &'a self,
        topic: &'a str,
        name: &'static str,
        kind: OperationType,
        span_kind: SpanKind,
    ) -> Operation<'a> {
        let destination = Destination { name: topic, ..Destination::default() };
        let group = self.group_name();
        let server = self.0.server.as_ref().map(|(address, port)| (address.as_str(), *port));
        Operation { system: SYSTEM, name, kind, span_kind, destination, group, server }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::ValueRef;

    #[test]
    fn a_partition_is_text_as_long_as_texts_may_be() {
        let shown = |partition, value_length| {
            let (mut fields, limits) = (Fields::default(), FieldLimits { count: 9, value_length });
            set_partition(&mut fields, partition, limits);
            let shown: Vec<_> = fields.iter().map(|(_, value)| format!("{value:?}")).collect();
            let [text] = <[_; 1]>::try_from(shown).unwrap_or_default();
            text
        };
        for (partition, value_length, expected) in
            [(0, 9, "0"), (15, 9, "15"), (15, 1, "1"), (16, 9, "16"), (-1, 9, "-1"), (i32::MAX, 4, "2147")]
        {
            assert_eq!(shown(partition, value_length), format!("{:?}", ValueRef::Str(expected)));
        }
    }
}
