//! Where messages go.

#[cfg(feature = "rdkafka")]
pub(super) mod kafka;
#[cfg(feature = "nats")]
pub(super) mod nats;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use bytes::Bytes;
use opentelemetry::KeyValue;
use uuid::Uuid;

use super::event::Broker;

/// A message on its way to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The id of the row, by which consumers tell duplicates.
    pub id: Uuid,
    /// What happened: `EntryPosted`.
    pub event_type: String,
    /// What it happened to.
    pub aggregate_id: String,
    /// The topic or subject.
    pub destination: String,
    /// What it is ordered by among others.
    pub key: String,
    /// The body.
    pub payload: Bytes,
    /// All headers it is to have: the event's own, `message-id`, `event-type`, `aggregate-id`, and
    /// the context it was created in (`traceparent`, `tracestate`, `baggage`), not to be altered.
    pub headers: Vec<(String, String)>,
}

/// Sends messages to a broker.
///
/// The relay makes the span of the sending (`publishEvent`): use a client that makes none.
pub trait Publisher: Send + Sync {
    /// What kind of broker it is.
    fn broker(&self) -> Broker;

    /// Sends a message and waits until the broker has it for good.
    ///
    /// # Errors
    /// Says whose fault it is, which decides what happens to the row.
    fn publish(&self, message: &Message) -> impl Future<Output = Result<Receipt, PublishError>> + Send;
}

/// What the broker said of a message it took: attributes of the span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Receipt {
    pub(super) attributes: Vec<KeyValue>,
}

impl Receipt {
    /// Adds an attribute, such as `messaging.kafka.offset`.
    #[must_use]
    pub fn with(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }
}

/// Why a message was not taken, named by what is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The broker will never take this message: it is put aside at once.
    Permanent,
    /// The broker did not take this message now: it is tried again, and put aside after
    /// [`super::Relay::attempts_max`].
    Transient,
    /// Nobody could take it: the broker cannot be reached, or is not ready for this destination.
    /// No message is at fault; the destination is tried again later, for as long as it takes.
    Unavailable,
}

/// A message was not sent.
#[derive(Debug)]
pub struct PublishError {
    fault: Fault,
    error_type: Cow<'static, str>,
    source: Box<dyn Error + Send + Sync>,
}

impl PublishError {
    /// [`Fault::Permanent`].
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault::Permanent, error_type: "rejected".into(), source: source.into() }
    }

    /// [`Fault::Transient`].
    pub fn transient(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault::Transient, error_type: "refused".into(), source: source.into() }
    }

    /// [`Fault::Unavailable`].
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault::Unavailable, error_type: "unavailable".into(), source: source.into() }
    }

    /// `error.type` of spans and metrics: few distinct values, best the broker's own.
    #[must_use]
    pub fn error_type(mut self, error_type: impl Into<Cow<'static, str>>) -> Self {
        self.error_type = error_type.into();
        self
    }

    /// What is to be done.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    pub(super) fn type_name(&self) -> &str {
        &self.error_type
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fault {
            Fault::Permanent => "the broker will not take the message",
            Fault::Transient => "the broker did not take the message",
            Fault::Unavailable => "the broker is not available",
        })
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// What to do with a message whose topic or stream does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownDestination {
    /// Wait until it does: services start in any order, and brokers forget for a moment who leads.
    #[default]
    Wait,
    /// Put the message aside at once.
    SetAside,
}

impl UnknownDestination {
    #[cfg(any(feature = "rdkafka", feature = "nats"))]
    fn error(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> PublishError {
        match self {
            Self::Wait => PublishError::unavailable(source),
            Self::SetAside => PublishError::permanent(source),
        }
    }
}
