//! The names of the messaging conventions (v1.44, all in Development), in one place because they
//! will move.

pub(crate) const SYSTEM: &str = "messaging.system";
pub(crate) const OPERATION_NAME: &str = "messaging.operation.name";
pub(crate) const OPERATION_TYPE: &str = "messaging.operation.type";
pub(crate) const DESTINATION: &str = "messaging.destination.name";
pub(crate) const DESTINATION_TEMPLATE: &str = "messaging.destination.template";
pub(crate) const DESTINATION_TEMPORARY: &str = "messaging.destination.temporary";
pub(crate) const CLIENT_ID: &str = "messaging.client.id";
pub(crate) const MESSAGE_ID: &str = "messaging.message.id";
pub(crate) const BODY_SIZE: &str = "messaging.message.body.size";
pub(crate) const BATCH_COUNT: &str = "messaging.batch.message_count";
pub(crate) const CONSUMER_GROUP: &str = "messaging.consumer.group.name";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
