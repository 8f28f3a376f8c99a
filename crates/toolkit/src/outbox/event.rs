//! What a service tells the others.

use std::fmt::Display;

use crate::messaging::operation::System;

/// A message to be staged by [`super::Outbox::stage`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an event is sent only when it is staged"]
pub struct Event {
    pub(super) event_type: String,
    pub(super) aggregate_id: String,
    pub(super) destination: String,
    pub(super) key: Option<String>,
    pub(super) payload: Vec<u8>,
    pub(super) headers: Vec<(String, String)>,
}

impl Event {
    /// An event of a type (`EntryPosted`) about an aggregate (an account), for a topic or subject.
    pub fn new(
        event_type: impl Into<String>,
        aggregate_id: impl Display,
        destination: impl Into<String>,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            event_type: event_type.into(),
            aggregate_id: aggregate_id.to_string(),
            destination: destination.into(),
            key: None,
            payload: payload.into(),
            headers: Vec::new(),
        }
    }

    /// Orders the event among others with this key, and is the key of the Kafka record, instead of
    /// the aggregate's id.
    pub fn key(mut self, key: impl Display) -> Self {
        self.key = Some(key.to_string());
        self
    }

    /// Adds a header. The names that the outbox itself sets (see [`super::Message::headers`]) are
    /// left alone.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What kind of broker messages go to, as `messaging.system` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Broker {
    /// Kafka.
    #[default]
    Kafka,
    /// NATS.
    Nats,
    /// Another one, by its name in the conventions.
    Other(&'static str),
}

impl Broker {
    pub(super) fn system(self) -> System {
        match self {
            Self::Kafka => System { name: "kafka", destination_first: false },
            Self::Nats => System { name: "nats", destination_first: true },
            Self::Other(name) => System { name, destination_first: false },
        }
    }

    /// What the system calls sending.
    pub(super) fn send_verb(self) -> &'static str {
        match self {
            Self::Nats => "publish",
            Self::Kafka | Self::Other(_) => "send",
        }
    }
}
