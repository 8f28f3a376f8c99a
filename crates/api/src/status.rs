//! What the process says of itself.

use std::net::SocketAddr;
use std::time::Duration;

/// The state of the process.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// How long it has been running.
    pub uptime: Duration,
    /// Where its data is.
    pub data_dir: String,
    /// Receivers and where they listen.
    pub receivers: Vec<(String, SocketAddr)>,
    /// Spans stored.
    pub spans: u64,
    /// Log records stored.
    pub logs: u64,
    /// Metric points stored.
    pub points: u64,
    /// Bytes of segment files.
    pub bytes: u64,
    /// Segment files.
    pub segments: u64,
    /// Time of the oldest row, nanoseconds since the epoch.
    pub oldest_ns: Option<i64>,
    /// Spans, log records and metric points accepted since the start.
    pub accepted: [u64; 3],
}

/// Who knows the state of the process.
pub trait StatusSource: Send + Sync {
    /// The state now.
    fn status(&self) -> Status;
    /// Whether requests are taken and answered.
    fn is_ready(&self) -> bool;
}
