//! What an exporter needs of a protocol: one attempt to send.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use throughline_model::{Signal, Tenant};

/// One send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What kind of data it is.
    pub signal: Signal,
    /// Who it belongs to; any but the default tenant is named to the destination.
    pub tenant: Tenant,
    /// The export request, encoded.
    pub body: Bytes,
}

/// The destination's answer to a send that it took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Items that it rejected all the same.
    pub rejected: u64,
    /// Why, or a warning.
    pub message: String,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What the destination, or the network, said.
    pub message: String,
    /// A short word for the counters.
    pub reason: &'static str,
    /// Whether the specification allows another attempt.
    pub retryable: bool,
    /// How long the destination asks to wait before it.
    pub retry_after: Option<Duration>,
}

impl SendError {
    pub(super) fn network(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), reason: "network", retryable: true, retry_after: None }
    }

    /// Whether other data may fare better at the same destination.
    pub(super) fn is_about_data(&self) -> bool {
        matches!(
            self.reason,
            "bad_request" | "too_large" | "invalid_argument" | "resource_exhausted" | "internal"
        )
    }

    pub(super) fn timeout(after: Duration) -> Self {
        let message = format!("no answer within {after:?}");
        Self { message, reason: "timeout", retryable: true, retry_after: None }
    }
}

/// A protocol towards one destination.
#[async_trait]
pub trait Client: Send + Sync {
    /// Whether bodies are JSON; they are protobuf otherwise.
    fn sends_json(&self) -> bool;

    /// Tries once.
    ///
    /// # Errors
    /// The destination did not take the data, or may not have.
    async fn send(&self, outgoing: Outgoing) -> Result<Receipt, SendError>;
}
