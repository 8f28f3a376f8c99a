//! `error.type` of `krafka`'s errors.

use std::borrow::Cow;

use ::krafka::KrafkaError;

use crate::kafka::error_name::snake;

/// The name of Kafka's error code, `not_enough_replicas`, or of the error's kind when the broker
/// gave no code.
#[must_use]
pub fn error_type(error: &KrafkaError) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        KrafkaError::Broker { code, .. } => return snake(&format!("{code:?}")).into(),
        KrafkaError::OutOfOrderSequence { .. } => "out_of_order_sequence_number",
        KrafkaError::UnknownTopic { .. } => "unknown_topic_or_partition",
        KrafkaError::Network(_) => "network",
        KrafkaError::Protocol { .. } => "protocol",
        KrafkaError::Auth { .. } => "auth",
        KrafkaError::Timeout { .. } => "timeout",
        KrafkaError::DeliveryTimeout { .. } => "delivery_timeout",
        KrafkaError::Config { .. } => "config",
        KrafkaError::Compression { .. } => "compression",
        KrafkaError::Serialization { .. } => "serialization",
        KrafkaError::RecordDeserialization { .. } => "record_deserialization",
        KrafkaError::Closed { .. } => "closed",
        KrafkaError::Wakeup => "wakeup",
        KrafkaError::Fenced { .. } => "fenced",
        KrafkaError::TransactionAbortable { .. } => "transaction_abortable",
        KrafkaError::NoOffset { .. } => "no_offset",
        KrafkaError::IllegalState { .. } => "illegal_state",
        _ => "_OTHER",
    })
}
