//! The telemetry store: a write-ahead log, live data, Parquet segments, a catalog over them, and one scan interface to read it all.
//!
//! A request is appended to the [`wal`] and synced, its decoded rows become visible in [`live`], a flush sorts them into a
//! [`segment`] and records it in the [`catalog`]; [`compaction`] and [`retention`] keep the segments few and young, and [`scan`]
//! reads live data and segments as one. This is the only crate that touches disk or object storage.

pub mod catalog;
pub mod compaction;
pub mod config;
pub mod error;
pub mod fault;
pub mod live;
pub mod recovery;
pub mod retention;
pub mod scan;
pub mod segment;
pub mod store;
pub mod wal;

pub use config::{Durability, StoreConfig};
pub use error::{Error, ErrorKind};
pub use recovery::{RecoveryReport, Replay};
pub use store::{Append, Environment, ShutdownReport, Store, StoreStats, View};
pub use wal::{LogReader, WalRecord};
