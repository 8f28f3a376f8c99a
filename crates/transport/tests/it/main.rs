//! Receivers and exporters over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod fake_sink;
mod inbound;
mod outbound;
mod platform;
mod requests;
mod sender;
