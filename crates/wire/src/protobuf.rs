//! Protobuf's wire format without generated types: a reader that borrows from its input and a
//! writer into one buffer.
//!
//! Invariants: reading never copies and never allocates but for an error; every length is checked
//! against the message it lies in; groups are refused.

mod fault;
mod reader;
mod writer;

pub use fault::{Fault, FaultKind};
pub use reader::{Reader, Tag};
pub use writer::{Mark, Writer};
