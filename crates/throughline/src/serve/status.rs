//! What `/api/v1/status` and readiness probes are told.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use throughline_api::{Status, StatusSource};
use throughline_model::Signal;
use throughline_pipeline::Registry;
use throughline_pipeline::metrics::receiver_accepted;
use throughline_store::store::Store;

use crate::config::Config;
use crate::self_telemetry::Readiness;

/// Reads the parts when asked.
pub struct PlatformStatus {
    store: Arc<Store>,
    registry: Registry,
    readiness: Readiness,
    started: Instant,
    data_dir: String,
    receivers: OnceLock<Vec<(String, SocketAddr)>>,
}

impl PlatformStatus {
    pub fn new(store: Arc<Store>, registry: Registry, readiness: Readiness, config: &Config) -> Self {
        let data_dir = config.storage.data_dir.display().to_string();
        Self { store, registry, readiness, started: Instant::now(), data_dir, receivers: OnceLock::new() }
    }

    /// Says where the receivers listen, once.
    pub fn set_receivers(&self, receivers: Vec<(String, SocketAddr)>) {
        self.receivers.get_or_init(|| receivers);
    }
}

impl StatusSource for PlatformStatus {
    fn status(&self) -> Status {
        let stats = self.store.stats();
        let accepted = |signal| self.registry.total(receiver_accepted(signal));
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: self.started.elapsed(),
            data_dir: self.data_dir.clone(),
            receivers: self.receivers.get().cloned().unwrap_or_default(),
            spans: stats.rows_of(Signal::Traces),
            logs: stats.rows_of(Signal::Logs),
            points: stats.rows_of(Signal::Metrics),
            bytes: stats.segment_bytes,
            segments: stats.segments,
            oldest_ns: stats.oldest_ns,
            accepted: [accepted(Signal::Traces), accepted(Signal::Logs), accepted(Signal::Metrics)],
        }
    }

    fn is_ready(&self) -> bool {
        self.readiness.get()
    }
}
