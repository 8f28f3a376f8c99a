//! Query languages as syntax trees: parsers, printers and checks. Knows no store.
//!
//! [`traceql`] is complete; PromQL and LogQL will be its siblings. Every parser here is written by
//! hand, reports where in the text a fault is, and bounds its own nesting, so no query text can
//! exhaust the stack.

pub mod traceql;
