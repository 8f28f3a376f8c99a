//! What happens to connections, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{ClientError, ConnectOptions, Event, ServerError};

use crate::core::Core;
use crate::layer::TelemetryLayer;

/// Reports the events of the connection that is made with these options as metrics. An event
/// callback that was set on them is replaced: one of your own calls
/// [`ConnectionEvents::record`] instead.
#[must_use]
pub fn instrument(options: ConnectOptions) -> ConnectOptions {
    let events = ConnectionEvents::new();
    options.event_callback(move |event| {
        events.record(&event);
        std::future::ready(())
    })
}

/// Counts the events of one connection, for event callbacks that do something of their own too.
///
/// ```no_run
/// use throughline_toolkit::nats::ConnectionEvents;
/// # async fn f() -> Result<(), async_nats::ConnectError> {
/// let events = ConnectionEvents::new();
/// let options = async_nats::ConnectOptions::new().event_callback(move |event| {
///     events.record(&event);
///     async move { tracing::warn!(%event, "NATS connection") }
/// });
/// let client = options.connect("nats://localhost").await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ConnectionEvents {
    core: Option<Arc<Core>>,
    was_connected: Arc<AtomicBool>,
}

impl Default for ConnectionEvents {
    fn default() -> Self {
        Self::new()
    }
}

impl ConnectionEvents {
    /// For one connection, which is about to be made.
    #[must_use]
    pub fn new() -> Self {
        Self { core: TelemetryLayer::current(), was_connected: Arc::default() }
    }

    /// Counts an event.
    pub fn record(&self, event: &Event) {
        let Some(core) = self.core.clone().or_else(TelemetryLayer::current) else { return };
        let instruments = &core.nats;
        match event {
            Event::Connected if self.was_connected.swap(true, Ordering::Relaxed) => {
                instruments.connection_event("reconnected");
            }
            Event::Connected => instruments.connection_event("connected"),
            Event::Disconnected => instruments.connection_event("disconnected"),
            Event::LameDuckMode => instruments.connection_event("lame_duck"),
            Event::Draining => instruments.connection_event("draining"),
            Event::Closed => instruments.connection_event("closed"),
            Event::SlowConsumer(_) => instruments.message_dropped(),
            Event::ServerError(error) => instruments.error(server_error(error)),
            Event::ClientError(error) => instruments.error(client_error(error)),
        }
    }
}

/// `error.type` of what a server reports; its text holds subjects.
fn server_error(error: &ServerError) -> &'static str {
    const KNOWN: &[(&str, &str)] = &[
        ("permissions violation", "permissions_violation"),
        ("user authentication expired", "authentication_expired"),
        ("authentication timeout", "authentication_timeout"),
        ("stale connection", "stale_connection"),
        ("maximum connections exceeded", "max_connections_exceeded"),
        ("maximum payload violation", "max_payload_exceeded"),
        ("maximum subscriptions exceeded", "max_subscriptions_exceeded"),
    ];
    match error {
        ServerError::AuthorizationViolation => "authorization_violation",
        ServerError::SlowConsumer(_) => "slow_consumer",
        ServerError::Other(text) => {
            let text = text.trim_matches('\'').to_ascii_lowercase();
            let known = KNOWN.iter().find(|(start, _)| text.starts_with(start));
            known.map_or("_OTHER", |(_, error_type)| error_type)
        }
    }
}

fn client_error(error: &ClientError) -> &'static str {
    match error {
        ClientError::MaxReconnects => "max_reconnects",
        ClientError::ServerNotInPool => "server_not_in_pool",
        ClientError::Other(_) => "connect",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_server_have_few_names() {
        for (text, expected) in [
            ("Permissions Violation for Publish to \"chat.general\"", "permissions_violation"),
            ("'Stale Connection'", "stale_connection"),
            ("something new", "_OTHER"),
        ] {
            assert_eq!(server_error(&ServerError::Other(text.to_owned())), expected);
        }
    }
}
