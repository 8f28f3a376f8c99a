//! The servers themselves: they start, answer, keep what they were given, and end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod daemon;
mod instance;
mod kafka;
mod nats;
mod postgres;
mod redis;
mod wait;
