//! The one scan interface over live data and segments.
//!
//! A [`ScanRequest`] says which rows of which table; its [`Filter`] compiles to a [`Predicate`],
//! which runs over record batches wherever they come from.

mod attribute_cells;
mod cells;
mod columns;
mod evaluate;
mod expression;
mod field_values;
pub mod filter;
mod item_cells;
mod predicate;
pub mod request;
mod test;

pub use field_values::FieldValues;
pub use filter::{ArithmeticOp, AttributeScope, CompareOp, Field, Filter, Operand};
pub use predicate::Predicate;
pub use request::{Budget, Columns, InvalidRequest, Limit, Order, ScanRequest, TimeRange};
