//! The `tracing:` section of a service's own configuration file.

use serde::{Deserialize, Serialize};

/// The `tracing` section of a service's configuration file.
///
/// ```yaml
/// tracing:
///   enabled: true
///   service_name: user-service
///   collector_url: http://localhost:4318
///   sampling_rate: 0.1
/// ```
///
/// Embed it in the service's own configuration and hand it to
/// [`crate::TelemetryBuilder::config`]. The environment (`OTEL_*`, then `TRACING_*`)
/// overrides the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracingConfig {
    /// False turns all telemetry export off; context is still propagated.
    pub enabled: bool,
    /// `service.name` of everything this process emits.
    pub service_name: Option<String>,
    /// Base address of the collector: `http://host:4318` (OTLP/HTTP) or `http://host:4317` (gRPC).
    pub collector_url: Option<String>,
    /// Share of new traces to keep, 0.0 to 1.0; a caller's decision is always followed.
    pub sampling_rate: Option<f64>,
}

impl Default for TracingConfig {
    fn default() -> Self {
        Self { enabled: true, service_name: None, collector_url: None, sampling_rate: None }
    }
}
