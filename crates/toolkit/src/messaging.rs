//! What the messaging boundaries share: the conventions' names and one operation on one or
//! several messages, with its span and its measurements.

#[cfg(any(feature = "nats", feature = "kafka"))]
pub(crate) mod consume;
pub(crate) mod instruments;
pub(crate) mod leaf;
pub(crate) mod names;
pub(crate) mod operation;
