//! One attempt to send one message: a `publishEvent` span.

use std::time::Duration;

use tracing::Instrument;

use super::Settings;
use crate::fields::{Key, Stored};
use crate::layer::TelemetryLayer;
use crate::messaging::operation::{Destination, Operation, OperationType, Running};
use crate::outbox::event::Broker;
use crate::outbox::publisher::{PublishError, Publisher, Receipt};
use crate::outbox::row::{self, Row};
use crate::{SpanExt, SpanKind};

/// Sends the message of a row. `number` counts the attempts, this one included.
pub(super) async fn attempt<P: Publisher>(
    publisher: &P,
    settings: &Settings,
    row: &Row,
    number: u32,
) -> Result<(), PublishError> {
    let began = settings.clock.now();
    let send = send(publisher, settings, row);
    let Some(running) = begin(publisher.broker(), row, number, began) else {
        return send.await.map(drop);
    };
    let span = running.span().clone();
    let outcome = send.instrument(span.clone()).await;
    match outcome {
        Ok(receipt) => {
            running.describe(|fields, limits| {
                for attribute in receipt.attributes {
                    let value = fields.store_value(attribute.value, limits);
                    fields.set(Key::Owned(attribute.key.as_str().into()), value, limits);
                }
            });
            let latency = since(row.created_at, settings.clock.now());
            span.in_scope(|| {
                if let Some(core) = TelemetryLayer::current() {
                    core.outbox.sent(&row.message.destination, latency);
                }
            });
            running.succeed();
            Ok(())
        }
        Err(error) => {
            running.fail(&error, error.type_name());
            if let Some(core) = TelemetryLayer::current() {
                core.outbox.failed(&row.message.destination, error.type_name());
            }
            Err(error)
        }
    }
}

async fn send<P: Publisher>(publisher: &P, settings: &Settings, row: &Row) -> Result<Receipt, PublishError> {
    let limit = settings.send_timeout;
    match tokio::time::timeout(limit, publisher.publish(&row.message)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let message = format!("no answer within {} ms", limit.as_millis());
            Err(PublishError::unavailable(message).error_type("timeout"))
        }
    }
}

/// The span: below the relay's, linked to where the message was created, since its row may have
/// waited for hours and the request's trace must not be stretched by that.
fn begin(broker: Broker, row: &Row, number: u32, now: i64) -> Option<Running> {
    let message = &row.message;
    let operation = Operation {
        system: broker.system(),
        name: broker.send_verb(),
        kind: OperationType::Send,
        span_kind: SpanKind::Client,
        destination: Destination { name: &message.destination, ..Destination::default() },
        group: None,
        server: None,
    };
    let running = Running::begin(operation, None)?;
    running.span().rename("publishEvent");
    running.link(&row.creation(), |_, _| {});
    running.describe(|fields, limits| {
        row::describe(fields, limits, &message.id.to_string(), &message.event_type, &message.aggregate_id);
        if broker == Broker::Kafka {
            fields.set_str("kafka.topic", &message.destination, limits);
            fields.set_str("messaging.kafka.message.key", &message.key, limits);
        }
        let size = i64::try_from(message.payload.len()).unwrap_or(i64::MAX);
        fields.set(Key::Static("messaging.message.body.size"), Stored::Int(size), limits);
        fields.set(Key::Static("attempts"), Stored::Int(i64::from(number)), limits);
        let dwell = since(row.created_at, now).as_secs_f64();
        fields.set(Key::Static("dwell_seconds"), Stored::Double(dwell), limits);
    });
    Some(running)
}

/// The time between two readings of clocks that may disagree.
fn since(earlier: i64, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(now.saturating_sub(earlier)).unwrap_or(0))
}
