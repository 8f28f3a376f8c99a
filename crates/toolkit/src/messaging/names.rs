//! The names of the messaging conventions (v1.44, all in Development), in one place because they
//! will move.

pub(crate) const SYSTEM: &str = "messaging.system";
pub(crate) const OPERATION_NAME: &str = "messaging.operation.name";
pub(crate) const OPERATION_TYPE: &str = "messaging.operation.type";
pub(crate) const DESTINATION: &str = "messaging.destination.name";
pub(crate) const DESTINATION_TEMPLATE: &str = "messaging.destination.template";
pub(crate) const DESTINATION_TEMPORARY: &str = "messaging.destination.temporary";
pub(crate) const CONSUMER_GROUP: &str = "messaging.consumer.group.name";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
