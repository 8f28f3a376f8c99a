//! The receiver, as senders see it.

mod answers;
mod bounds;
mod cors;
mod http_only;
mod overload;
mod shutdown;
