//! The export thread: takes batches from the queues, encodes them, sends them, keeps accounts.

pub(crate) mod console;
mod encode;
mod lane;
mod lines;
mod log;
pub(crate) mod metrics;
mod proto;
mod retry;
mod source;
mod span;
pub(crate) mod thread;
mod tls;
mod transport;
