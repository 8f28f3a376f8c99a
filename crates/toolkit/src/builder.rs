//! Configuring telemetry in code; the environment still has the last word.

use crate::{Environment, InitError, Telemetry, TracingConfig};

/// Configures telemetry in code. Made by [`Telemetry::builder`].
///
/// From weakest to strongest: built-in defaults, this builder, the configuration file section
/// given to [`TelemetryBuilder::config`], `TRACING_*` variables, `OTEL_*` variables.
#[derive(Debug)]
pub struct TelemetryBuilder {
    service: String,
    version: Option<String>,
    config: TracingConfig,
    environment: Environment,
    attributes: Vec<(String, String)>,
}

impl Default for TelemetryBuilder {
    fn default() -> Self {
        Self {
            service: "unknown-service".to_owned(),
            version: None,
            config: TracingConfig::default(),
            environment: Environment::process(),
            attributes: Vec::new(),
        }
    }
}

impl TelemetryBuilder {
    /// Default of `service.name`.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// `service.version`, usually `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// A resource attribute of everything this process emits.
    #[must_use]
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// The `tracing` section of the service's configuration file.
    #[must_use]
    pub fn config(mut self, config: TracingConfig) -> Self {
        self.config = config;
        self
    }

    /// Reads variables from here instead of the process's environment.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Starts telemetry and installs it for the whole process.
    ///
    /// # Errors
    /// See [`crate::init`].
    pub fn install(self) -> Result<Telemetry, InitError> {
        Ok(Telemetry::placeholder(self.service))
    }
}
