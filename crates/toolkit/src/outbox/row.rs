//! A row as the relay reads it: the message it becomes, and the context it was created in.

use bytes::Bytes;
use opentelemetry::propagation::Extractor;
use uuid::Uuid;

use super::connection::Columns;
use super::publisher::Message;
use crate::fields::{FieldLimits, Fields};
use crate::propagation::{self, TraceContext};

pub(super) const TRACEPARENT: &str = "traceparent";
pub(super) const TRACESTATE: &str = "tracestate";
pub(super) const BAGGAGE: &str = "baggage";
/// Headers that every message has.
const MESSAGE_ID: &str = "message-id";
const EVENT_TYPE: &str = "event-type";
const AGGREGATE_ID: &str = "aggregate-id";

/// Headers of an event must not be called so: the outbox sets these.
const RESERVED: [&str; 6] = [MESSAGE_ID, EVENT_TYPE, AGGREGATE_ID, TRACEPARENT, TRACESTATE, BAGGAGE];

/// A row that is to be sent.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) message: Message,
    /// Microseconds since 1970.
    pub(super) created_at: i64,
    /// How often it has been tried in vain.
    pub(super) attempts: u32,
}

impl Row {
    /// Reads the columns of [`super::statements::DUE`].
    pub(super) fn read(columns: &dyn Columns) -> Result<Self, sqlx::Error> {
        let id = columns.text(0)?.parse::<Uuid>().map_err(|e| sqlx::Error::Decode(e.into()))?;
        let message = Message {
            id,
            event_type: columns.text(1)?,
            aggregate_id: columns.text(2)?,
            destination: columns.text(3)?,
            key: columns.text(4)?,
            payload: Bytes::from(columns.bytes(5)?),
            headers: decode_headers(&columns.text(6)?),
        };
        let context = [
            (TRACEPARENT, columns.maybe_text(7)?),
            (TRACESTATE, columns.maybe_text(8)?),
            (BAGGAGE, columns.maybe_text(9)?),
        ];
        let attempts = u32::try_from(columns.int(11)?).unwrap_or(u32::MAX);
        Ok(Self { message: complete(message, context), created_at: columns.int(10)?, attempts })
    }

    /// Where the message was created.
    pub(super) fn creation(&self) -> TraceContext {
        propagation::extract(&Headers(&self.message.headers))
    }
}

/// Adds what every message carries.
fn complete(mut message: Message, context: [(&str, Option<String>); 3]) -> Message {
    let own = [
        (MESSAGE_ID, message.id.to_string()),
        (EVENT_TYPE, message.event_type.clone()),
        (AGGREGATE_ID, message.aggregate_id.clone()),
    ];
    message.headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
    for (name, value) in context {
        if let Some(value) = value {
            message.headers.push((name.to_owned(), value));
        }
    }
    message
}

/// The attributes that spans of a row have in common.
pub(super) fn describe(
    fields: &mut Fields,
    limits: FieldLimits,
    id: &str,
    event_type: &str,
    aggregate_id: &str,
) {
    fields.set_str("messaging.message.id", id, limits);
    fields.set_str("event_id", id, limits);
    fields.set_str("event_type", event_type, limits);
    fields.set_str("aggregate_id", aggregate_id, limits);
}

/// Headers as the table keeps them: a JSON list of pairs.
pub(super) fn encode_headers(own: &[(String, String)], context: &[(String, String)]) -> String {
    let reserved = |name: &str| RESERVED.iter().any(|r| r.eq_ignore_ascii_case(name));
    let kept: Vec<&(String, String)> =
        own.iter().filter(|(name, _)| !reserved(name)).chain(context).collect();
    serde_json::to_string(&kept).unwrap_or_else(|_| "[]".to_owned())
}

/// What somebody else wrote into the column counts for nothing.
fn decode_headers(text: &str) -> Vec<(String, String)> {
    serde_json::from_str(text).unwrap_or_default()
}

struct Headers<'a>(&'a [(String, String)]);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_table_but_not_with_the_names_of_the_outbox() {
        let own = [("tenant", "a\"b"), ("Message-Id", "forged"), ("traceparent", "forged")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let context = [("b3".to_owned(), "0".to_owned())];
        let read = decode_headers(&encode_headers(&own, &context));
        assert_eq!(read, [("tenant".to_owned(), "a\"b".to_owned()), context[0].clone()]);
        assert!(decode_headers("not a list").is_empty());
    }
}
