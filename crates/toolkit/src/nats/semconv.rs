//! Names for NATS. The conventions (v1.44) do not know it: these follow what the instrumentations
//! of other languages emit, and `messaging.nats.…` for what only NATS has.

use async_nats::client::{PublishErrorKind, RequestErrorKind};
use async_nats::jetstream::context::PublishErrorKind as StreamErrorKind;

use super::connection::Verb;
use crate::SpanKind;
use crate::messaging::operation::{OperationType, System};

pub(super) const SYSTEM: System = System { name: "nats", destination_first: true };

pub(super) const CONSUMER_NAME: &str = "messaging.consumer.name";
pub(super) const RESPONSE_SIZE: &str = "messaging.nats.response.body.size";
pub(super) const STREAM: &str = "messaging.nats.stream";
pub(super) const CONSUMER: &str = "messaging.nats.consumer";
pub(super) const STREAM_SEQUENCE: &str = "messaging.nats.stream_sequence";
pub(super) const CONSUMER_SEQUENCE: &str = "messaging.nats.consumer_sequence";
pub(super) const DELIVERED_COUNT: &str = "messaging.nats.delivered_count";
pub(super) const PENDING: &str = "messaging.nats.pending";
pub(super) const DUPLICATE: &str = "messaging.nats.duplicate";
pub(super) const PUBLISHED: &str = "messaging.nats.published_unix_nano";
pub(super) const QUEUE_TIME: &str = "messaging.nats.queue_time";
pub(super) const CLOCK_SKEW: &str = "messaging.nats.clock_skew";
pub(super) const NAK_DELAY: &str = "messaging.nats.nak_delay";

/// The key-value store is a database, not messaging.
pub(super) const KV_KEY: &str = "nats.kv.key";
pub(super) const KV_VALUE_SIZE: &str = "nats.kv.value.size";
pub(super) const KV_REVISION: &str = "nats.kv.revision";
pub(super) const KV_EXPECTED_REVISION: &str = "nats.kv.expected_revision";

const fn verb(name: &'static str, kind: OperationType, span_kind: SpanKind) -> Verb {
    Verb { name, kind, span_kind }
}

pub(super) const PUBLISH: Verb = verb("publish", OperationType::Send, SpanKind::Producer);
pub(super) const REQUEST: Verb = verb("request", OperationType::Send, SpanKind::Client);
pub(super) const RECEIVE: Verb = verb("receive", OperationType::Receive, SpanKind::Client);
pub(super) const PROCESS: Verb = verb("process", OperationType::Process, SpanKind::Consumer);
pub(super) const RESPOND: Verb = verb("respond", OperationType::Process, SpanKind::Server);

/// How a message is settled: `ack`, `nak`, …
pub(super) const fn settle(name: &'static str) -> Verb {
    verb(name, OperationType::Settle, SpanKind::Client)
}

/// `error.type` of a publish.
pub(super) fn publish_error(kind: PublishErrorKind) -> &'static str {
    match kind {
        PublishErrorKind::MaxPayloadExceeded => "max_payload_exceeded",
        PublishErrorKind::InvalidSubject => "invalid_subject",
        PublishErrorKind::Send => "connection_closed",
    }
}

/// `error.type` of a request.
pub(super) fn request_error(kind: RequestErrorKind) -> &'static str {
    match kind {
        RequestErrorKind::TimedOut => "timeout",
        RequestErrorKind::NoResponders => "no_responders",
        RequestErrorKind::InvalidSubject => "invalid_subject",
        RequestErrorKind::MaxPayloadExceeded => "max_payload_exceeded",
        RequestErrorKind::Other => "_OTHER",
    }
}

/// `error.type` of a publish to a stream.
pub(super) fn stream_error(kind: StreamErrorKind) -> &'static str {
    match kind {
        StreamErrorKind::StreamNotFound => "stream_not_found",
        StreamErrorKind::WrongLastMessageId => "wrong_last_message_id",
        StreamErrorKind::WrongLastSequence => "wrong_last_sequence",
        StreamErrorKind::TimedOut => "timeout",
        StreamErrorKind::BrokenPipe => "connection_closed",
        StreamErrorKind::MaxAckPending => "max_ack_pending",
        StreamErrorKind::MaxPayloadExceeded => "max_payload_exceeded",
        StreamErrorKind::Other => "_OTHER",
    }
}
