//! The four services as processes, on real servers; unless a test says otherwise no collector is
//! there, which must not matter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod idempotency;
mod kills;
mod load;
mod metrics;
mod parallel;
mod projection;
mod refusals;
mod retention;
mod servers;
mod system;
mod trace;
mod traffic;
