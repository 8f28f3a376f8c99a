//! The engine over a real store: our own query scripts in `corpus/`, and what is asked beside
//! searches.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test says so by panicking"
)]

mod corpus;
mod lists;
mod logs;
mod metrics;
mod script;
mod span_metrics;
mod stores;
mod traces;
