//! The decoder and the encoder against the generated OTLP types.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod generate;
mod mutate;
mod oracle;
mod properties;
