//! Properties of the languages that hold for every text and every tree.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test says so by panicking"
)]

mod traceql_fuzz;
mod traceql_round_trip;
mod traceql_trees;
