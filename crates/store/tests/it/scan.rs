//! Scans against a naive evaluator over owned rows.

mod filter;
mod generate;
mod oracle;
