//! TraceQL over a trace in memory. This is what a query means; what the store is asked for is
//! only a way to look at fewer traces.
//!
//! # Meaning
//! A comparison is true or false: one whose field is missing, or whose sides have types that do
//! not compare, is false, also for `!=` and `!~`. `!` turns that false into true. Numbers compare
//! whatever their type. `.x` is the span's attribute, else the resource's. Regular expressions
//! match the whole text. An array compares element by element: any element must match, for `!=`
//! and `!~` all of them.
//!
//! Conditions on events (or links) joined by `&&` and `||` hold for one and the same event (or
//! link); what stands under `!` is decided over all of them on its own.

mod compile;
mod datum;
mod field;
mod number;
mod predicate;
mod program;
mod values;

pub(crate) use compile::Node;
pub(crate) use datum::Datum;
pub(crate) use number::compare;
pub(crate) use predicate::Predicate;
pub(crate) use program::{Program, Spans, Spanset};
pub(crate) use values::selected;

#[cfg(test)]
mod tests;
