//! The one scan interface over live data and segments.

mod columns;
pub mod filter;
pub mod request;

pub use filter::{ArithmeticOp, AttributeScope, CompareOp, Field, Filter, Operand};
pub use request::{Budget, Columns, InvalidRequest, Limit, Order, ScanRequest, TimeRange};
