//! The names of the RPC conventions (v1.44, release candidate), in one place because they will
//! move: the next version calls the status `rpc.status_code`.

pub(super) const SYSTEM: &str = "rpc.system.name";
pub(super) const METHOD: &str = "rpc.method";
pub(super) const METHOD_ORIGINAL: &str = "rpc.method_original";
pub(super) const STATUS: &str = "rpc.response.status_code";
pub(super) const SERVER_ADDRESS: &str = "server.address";
pub(super) const SERVER_PORT: &str = "server.port";
pub(super) const PEER_ADDRESS: &str = "network.peer.address";
pub(super) const PEER_PORT: &str = "network.peer.port";
pub(super) const ERROR_TYPE: &str = "error.type";

/// The value of `rpc.system.name`.
pub(super) const GRPC: &str = "grpc";
/// The method of calls to methods that do not exist.
pub(super) const OTHER: &str = "_OTHER";
