//! Scans against a naive evaluator over owned rows.

mod answers;
mod filter;
mod fixture;
mod generate;
mod oracle;
mod signals;
