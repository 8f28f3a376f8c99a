//! Sending a record: a span from the call to the broker's answer.

use std::error::Error;

use super::headers::{self, Found, HeadersMut};
use super::record::{Client, Record, partition_text};
use super::semconv::{OFFSET, PARTITION};
use crate::SpanKind;
use crate::fields::{Fields, Key, Stored};
use crate::messaging::leaf::Leaf;
use crate::messaging::names;
use crate::messaging::operation::{OperationType, link};
use crate::propagation::TraceContext;

/// A record on its way to the broker. Dropped without an outcome, the wait for it was cancelled;
/// the record may have been stored nevertheless.
///
/// ```
/// use throughline_toolkit::kafka::{Client, Record, Sending};
/// # fn produce(_: &[(String, Option<Vec<u8>>)]) -> Result<(i32, i64), std::io::Error> { Ok((0, 7)) }
/// # fn f() -> Result<(), std::io::Error> {
/// let client = Client::new().id("orders");
/// let record = Record { topic: "orders.v1", key: Some(b"42"), size: Some(17), ..Record::default() };
/// let mut headers = vec![("event-type".to_owned(), Some(b"placed".to_vec()))];
/// let sending = Sending::begin(&client, record, &mut headers);
/// match produce(&headers) {
///     Ok((partition, offset)) => sending.delivered(partition, Some(offset)),
///     Err(error) => sending.failed(&error, "io"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a record is sent until its outcome is told"]
pub struct Sending {
    leaf: Option<Leaf>,
    /// Its span has said where the record is to go.
    placed: bool,
}

impl Sending {
    /// Starts a PRODUCER span, which is where the record is created, and writes its context into
    /// the headers in place of one they hold. Without telemetry the current context is written.
    pub fn begin(client: &Client, record: Record<'_>, headers: &mut impl HeadersMut) -> Self {
        Self::start(client, record, None, headers)
    }

    /// Starts a CLIENT span for a record that was created earlier, elsewhere: one that waited in
    /// an outbox. Its headers carry `creation` unaltered, and the span links to there.
    pub fn begin_created(
        client: &Client,
        record: Record<'_>,
        creation: &TraceContext,
        headers: &mut impl HeadersMut,
    ) -> Self {
        Self::start(client, record, Some(creation), headers)
    }

    pub(super) fn start(
        client: &Client,
        record: Record<'_>,
        creation: Option<&TraceContext>,
        headers: &mut impl HeadersMut,
    ) -> Self {
        let kind = if creation.is_some() { SpanKind::Client } else { SpanKind::Producer };
        let operation = client.operation(record.topic, "send", OperationType::Send, kind);
        let leaf = Leaf::begin(&operation, None, |data, core| {
            let limits = &core.settings.span_limits;
            client.describe(&mut data.fields, limits.fields);
            record.describe(&mut data.fields, limits.fields);
            let found = Found::among(headers, client.message_id_name());
            if let Some(id) = found.message_id_at().and_then(|index| headers::text(headers, index)) {
                data.fields.append_str(names::MESSAGE_ID, id, limits.fields);
            }
            if let Some(creation) = creation {
                link(data, limits, creation, |_, _| {});
            }
        });
        match (creation, &leaf) {
            (Some(creation), _) => headers::inject(creation, headers),
            (None, Some(leaf)) => headers::inject(leaf.context(), headers),
            (None, None) => headers::inject(&TraceContext::current(), headers),
        }
        Self { leaf, placed: record.partition.is_some() || record.offset.is_some() }
    }

    /// The broker has it. Without an offset when the broker gives none.
    pub fn delivered(self, partition: i32, offset: Option<i64>) {
        let Self { leaf: Some(mut leaf), placed } = self else { return };
        leaf.more(|data, core| {
            let (fields, limits) = (&mut data.fields, core.settings.span_limits.fields);
            // Looking for what was said costs more than saying it.
            let say = if placed { Fields::set } else { Fields::append };
            let text = partition_text(fields, partition, limits);
            say(fields, Key::Static(PARTITION), text, limits);
            if let Some(offset) = offset {
                say(fields, Key::Static(OFFSET), Stored::Int(offset), limits);
            }
        });
        leaf.succeed();
    }

    /// It was not delivered. `error_type` has few distinct values.
    pub fn failed(self, error: &(dyn Error + 'static), error_type: &str) {
        if let Some(leaf) = self.leaf {
            leaf.fail(error, error_type);
        }
    }
}
