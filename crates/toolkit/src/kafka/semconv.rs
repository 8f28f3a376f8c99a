//! Names for Kafka: those of the conventions (v1.44, in Development), and those they lack.

use crate::messaging::operation::System;

pub(super) const SYSTEM: System = System { name: "kafka", destination_first: false };

pub(super) const PARTITION: &str = "messaging.destination.partition.id";
pub(super) const OFFSET: &str = "messaging.kafka.offset";
pub(super) const KEY: &str = "messaging.kafka.message.key";
pub(super) const TOMBSTONE: &str = "messaging.kafka.message.tombstone";

/// Not in the conventions: seconds between a record's timestamp and its processing.
pub(super) const QUEUE_TIME: &str = "messaging.kafka.queue_time";
/// Not in the conventions: that time is negative, so the clocks of two machines disagree.
pub(super) const CLOCK_SKEW: &str = "messaging.kafka.clock_skew";
/// Not in the conventions: whether the producer or the broker set that timestamp, as the topic's
/// `message.timestamp.type` has it.
pub(super) const TIMESTAMP_TYPE: &str = "messaging.kafka.message.timestamp_type";
/// Not in the conventions: `assign`, `revoke` or `error`.
#[cfg(feature = "rdkafka")]
pub(super) const REBALANCE_EVENT: &str = "messaging.kafka.rebalance.event";
