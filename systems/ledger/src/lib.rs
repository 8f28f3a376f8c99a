//! The ledger reference system: money moved by double entry, on PostgreSQL, Redis and Kafka,
//! instrumented with the toolkit and nothing else.
//!
//! ```text
//! client ──► orchestrator:7103 ──► ledger:7102 ──► accounts:7101
//!                 │ Redis             │ PostgreSQL      │ PostgreSQL
//!                                     └── outbox ──► Kafka ◄── outbox
//!                                                      │
//!                                        read-model:7104 ── PostgreSQL
//! ```
//!
//! [`run`] runs one service until its shutdown future completes; [`traffic`] is a client that
//! keeps the system busy.

mod account;
mod accounts;
mod answer;
mod body;
mod clock;
mod config;
mod database;
mod error;
mod events;
mod kafka;
mod ledger;
mod money;
mod orchestrator;
mod order;
mod outbox;
mod read_model;
mod server;
mod service;
mod startup;
pub mod traffic;
mod upstream;

pub use config::{Config, Service};
pub use server::run;
