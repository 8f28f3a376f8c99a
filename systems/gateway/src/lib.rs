//! The gateway reference system: `api-gateway` in front of `user-service` and `auth-service`,
//! HTTP between them, SQLite or PostgreSQL behind them, instrumented with the toolkit and nothing
//! else.
//!
//! ```text
//! client ──► api-gateway:8080 ──► user-service:8081 ──► auth-service:8082
//!                    └──────────────────────────────────────►┘
//! ```
//!
//! [`run`] runs one service until its shutdown future completes; [`traffic`] is a client that
//! keeps it busy with successes, client errors, a slow dependency and a failing one.

mod auth;
mod config;
mod database;
mod error;
mod faults;
mod proxy;
mod server;
pub mod traffic;
mod users;

pub use config::{Config, FaultConfig, Service};
pub use server::run;
