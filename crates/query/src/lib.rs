//! Queries: from a syntax tree to a result, with limits.
//!
//! An expression over spans is lowered to a store filter that keeps at least the right rows; the
//! traces found are put together ([`Trace`]) and the expression is run on them in memory, which
//! decides. So an answer never depends on how much of a query the store understands.

mod error;
mod eval;
mod lower;
#[cfg(test)]
mod samples;
mod trace;
mod value;

pub use error::{Error, ErrorKind, Result};
pub use trace::{CriticalSegment, Node, ServiceCount, Trace, TraceSummary};
pub use value::FieldValue;
