//! For tests and benches alone: traces to send, and the program as a process that can be killed.

mod otlp;
mod server;
mod wait;

pub use otlp::{Batch, SpanSpec, hex_trace_id};
pub use server::{Server, ServerOptions};
pub use wait::until;
