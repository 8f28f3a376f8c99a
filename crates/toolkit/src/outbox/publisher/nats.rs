//! To NATS, through JetStream.

use std::str::FromStr;

use async_nats::SubjectError;
use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream::Error as ApiError;
use async_nats::jetstream::context::PublishError as NatsError;
use async_nats::jetstream::context::PublishErrorKind as Kind;
use async_nats::jetstream::{Context, ErrorCode};

use super::{Broker, Error, KeyValue, Message, PublishError, Publisher, Receipt, UnknownDestination};

/// Sends the messages of an outbox to a JetStream stream and waits for its acknowledgement. The
/// row's id is also `Nats-Msg-Id`: a message sent twice within the stream's duplicate window is
/// stored once.
///
/// It uses the bare client: the relay's `publishEvent` is the span of the sending.
#[derive(Debug, Clone)]
pub struct NatsPublisher {
    jetstream: Context,
    unknown: UnknownDestination,
}

impl NatsPublisher {
    /// Publishes through `jetstream`.
    #[must_use]
    pub fn new(jetstream: Context) -> Self {
        Self { jetstream, unknown: UnknownDestination::default() }
    }

    /// What to do with messages for a subject that belongs to no stream.
    #[must_use]
    pub fn unknown_stream(mut self, what: UnknownDestination) -> Self {
        self.unknown = what;
        self
    }

    fn fault(&self, error: NatsError) -> PublishError {
        let kind = error.kind();
        match kind {
            Kind::StreamNotFound => self.unknown.error(error).error_type("stream_not_found"),
            Kind::MaxPayloadExceeded => PublishError::permanent(error).error_type("max_payload_exceeded"),
            Kind::TimedOut => PublishError::unavailable(error).error_type("timeout"),
            Kind::BrokenPipe => PublishError::unavailable(error).error_type("broken_pipe"),
            Kind::MaxAckPending => PublishError::unavailable(error).error_type("max_ack_pending"),
            Kind::WrongLastMessageId | Kind::WrongLastSequence => {
                PublishError::permanent(error).error_type("wrong_last_sequence")
            }
            Kind::Other => answered(error),
        }
    }
}

/// What the client or the stream says beyond the kinds of its errors.
fn answered(error: NatsError) -> PublishError {
    let Some(cause) = error.source() else { return PublishError::transient(error) };
    if cause.is::<SubjectError>() {
        return PublishError::permanent(error).error_type("invalid_subject");
    }
    let Some(answer) = cause.downcast_ref::<ApiError>() else { return PublishError::unavailable(error) };
    let error_type = answer.error_code().0.to_string();
    let fault = match answer.error_code() {
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            PublishError::permanent(error)
        }
        // A stream that is full, or cannot be written to, or has no leader at the moment.
        ErrorCode::STREAM_STORE_FAILED | ErrorCode::STREAM_SEALED => PublishError::unavailable(error),
        _ if answer.code() == 503 => PublishError::unavailable(error),
        _ => PublishError::transient(error),
    };
    fault.error_type(error_type)
}

fn headers_of(message: &Message) -> Result<HeaderMap, PublishError> {
    let invalid =
        |error: Box<dyn Error + Send + Sync>| PublishError::permanent(error).error_type("invalid_header");
    let mut headers = HeaderMap::new();
    for (name, value) in &message.headers {
        let name = HeaderName::from_str(name).map_err(|e| invalid(e.into()))?;
        headers.append(name, HeaderValue::from_str(value).map_err(|e| invalid(e.into()))?);
    }
    headers.insert(NATS_MESSAGE_ID, message.id.to_string());
    Ok(headers)
}

impl Publisher for NatsPublisher {
    fn broker(&self) -> Broker {
        Broker::Nats
    }

    async fn publish(&self, message: &Message) -> Result<Receipt, PublishError> {
        let headers = headers_of(message)?;
        let (subject, payload) = (message.destination.clone(), message.payload.clone());
        let sent = self.jetstream.publish_with_headers(subject, headers, payload).await;
        let ack = async { sent?.await }.await.map_err(|error| self.fault(error))?;
        let sequence = i64::try_from(ack.sequence).unwrap_or(i64::MAX);
        Ok(Receipt::default()
            .with(KeyValue::new("messaging.nats.stream", ack.stream))
            .with(KeyValue::new("messaging.nats.stream_sequence", sequence))
            .with(KeyValue::new("messaging.nats.duplicate", ack.duplicate)))
    }
}
