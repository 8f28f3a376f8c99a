//! The one scan interface over live data and segments.
//!
//! A [`ScanRequest`] says which rows of which table; its [`Filter`] compiles to a [`Predicate`],
//! which runs over record batches wherever they come from. What the catalog, row groups and page
//! indexes know takes part of the filter away before anything is read; the columns that decide are
//! read first, the others for the rows that pass. Everything runs on threads that may block, of
//! which there are at most [`crate::config::ReadConfig::scans_max`].

mod assemble;
mod attribute_cells;
mod attribute_keys;
mod attribute_values;
mod cells;
mod collector;
mod columns;
mod comparison;
mod evaluate;
mod expression;
mod field_values;
pub mod filter;
mod item_cells;
mod job;
mod meter;
mod newest;
mod pool;
mod predicate;
mod prune;
mod reads;
pub mod request;
mod select;
mod source;
mod stream;
mod summaries;
mod trace_ids;
mod traces;
mod units;
mod unordered;

pub use field_values::FieldValues;
pub use filter::{ArithmeticOp, AttributeScope, CompareOp, Field, Filter, Operand};
pub use meter::ScanStats;
pub(crate) use pool::ScanPool;
pub use predicate::Predicate;
pub use request::{Budget, Columns, InvalidRequest, Limit, Order, ScanRequest, TimeRange};
pub use stream::{ScanStatsHandle, ScanStream};
pub use summaries::{ServiceCount, TraceSummary};
