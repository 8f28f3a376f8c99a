//! Where the servers of the tests are.

use throughline_services::{Kind, address};

/// Kafka, as `host:port`.
#[cfg(feature = "rdkafka")]
pub(crate) fn kafka() -> String {
    address(Kind::Kafka).unwrap()
}

/// NATS, as `nats://host:port`.
#[cfg(feature = "nats")]
pub(crate) fn nats() -> String {
    address(Kind::Nats).unwrap()
}

/// Redis, as `redis://host:port`.
#[cfg(feature = "redis")]
pub(crate) fn redis() -> String {
    address(Kind::Redis).unwrap()
}
