//! Configuring telemetry in code; the environment still has the last word.

use std::sync::Arc;
#[cfg(feature = "audit")]
use std::time::Duration;

use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::core::Core;
use crate::error::Reason;
use crate::export::console::{Output, Redirected, Standard};
use crate::export::metrics::provider;
use crate::export::thread::ExportThread;
use crate::layer::TelemetryLayer;
use crate::layer::event::Severity;
use crate::metrics::exemplars::Exemplars;
use crate::metrics::meters::Meters;
use crate::queue::Queue;
use crate::settings::{CodeSettings, Settings};
use crate::{Environment, InitError, Telemetry, TracingConfig, diagnostics};

/// Configures telemetry in code. Made by [`Telemetry::builder`].
///
/// From weakest to strongest: built-in defaults, this builder, the configuration file section
/// given to [`TelemetryBuilder::config`], `TRACING_*` variables, `OTEL_*` variables.
#[derive(Debug)]
pub struct TelemetryBuilder {
    code: CodeSettings,
    environment: Environment,
    output: Option<Arc<dyn Output>>,
}

impl Default for TelemetryBuilder {
    fn default() -> Self {
        Self {
            code: CodeSettings { log_lines: true, ..CodeSettings::default() },
            environment: Environment::process(),
            output: None,
        }
    }
}

impl TelemetryBuilder {
    /// Default of `service.name`.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.code.service = Some(name.into());
        self
    }

    /// `service.version`, usually `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.code.version = Some(version.into());
        self
    }

    /// A resource attribute of everything this process emits.
    #[must_use]
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.code.attributes.push((key.into(), value.into()));
        self
    }

    /// The base address of the collector, such as `http://localhost:4318`; port 4317 means gRPC.
    #[must_use]
    pub fn endpoint(mut self, address: impl Into<String>) -> Self {
        self.code.endpoint = Some(address.into());
        self
    }

    /// The `tracing` section of the service's configuration file.
    #[must_use]
    pub fn config(mut self, config: TracingConfig) -> Self {
        self.code.config = config;
        self
    }

    /// Whether log records are written as JSON lines on stderr (they are, by default).
    #[must_use]
    pub fn log_lines(mut self, on: bool) -> Self {
        self.code.log_lines = on;
        self
    }

    /// Which log records are made when `RUST_LOG` is not set: `info,hyper=warn`.
    #[must_use]
    pub fn log_filter(mut self, filter: impl Into<String>) -> Self {
        self.code.log_filter = Some(filter.into());
        self
    }

    /// The most spans (and, apart from them, log records) that wait for export, and the most
    /// memory they may take. What comes beyond is dropped and counted.
    #[must_use]
    pub fn queue(mut self, items: usize, bytes: usize) -> Self {
        self.code.queue = Some((items.max(1), bytes));
        self
    }

    /// Whether the rules of the [audit](crate::audit) are checked (they are, by default).
    #[cfg(feature = "audit")]
    #[must_use]
    pub fn audit(mut self, on: bool) -> Self {
        self.code.audit.on = on;
        self
    }

    /// How long a span may take before the [audit](crate::audit) counts it; five minutes unless
    /// said.
    #[cfg(feature = "audit")]
    #[must_use]
    pub fn audit_span_limit(mut self, limit: Duration) -> Self {
        self.code.audit.open_limit = limit;
        self
    }

    /// Replaces what looks like a secret in spans and log records before it leaves the process,
    /// and before log lines are written (off by default). See the [audit](crate::audit#secrets).
    #[cfg(feature = "audit")]
    #[must_use]
    pub fn redact_secrets(mut self, on: bool) -> Self {
        self.code.audit.redact = on;
        self
    }

    /// Whether Prometheus may read the metrics (it may, by default). See
    /// [`crate::prometheus`].
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus(mut self, on: bool) -> Self {
        self.code.no_prometheus = !on;
        self
    }

    /// Whether the metrics of the tokio runtime that telemetry is started in are taken (they are,
    /// by default). See [`crate::runtime`].
    #[cfg(feature = "runtime")]
    #[must_use]
    pub fn runtime_metrics(mut self, on: bool) -> Self {
        self.code.no_runtime_metrics = !on;
        self
    }

    /// Whether the metrics of the process are taken (they are, by default). See
    /// [`crate::process`].
    #[cfg(feature = "process")]
    #[must_use]
    pub fn process_metrics(mut self, on: bool) -> Self {
        self.code.no_process_metrics = !on;
        self
    }

    /// Reads variables from here instead of the process's environment.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Hands each log line, with its newline, to `write` instead of stderr.
    #[must_use]
    pub fn log_to(mut self, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.output = Some(Arc::new(Redirected(Box::new(write))));
        self
    }

    #[cfg(test)]
    pub(crate) fn set_output(&mut self, output: Arc<dyn Output>) {
        self.output = Some(output);
    }

    /// Starts telemetry and installs it for the whole process.
    ///
    /// # Errors
    /// See [`crate::init`].
    pub fn install(self) -> Result<Telemetry, InitError> {
        let telemetry = self.start()?;
        tracing::dispatcher::set_global_default(telemetry.dispatch().clone())
            .map_err(|_| Reason::AlreadyInstalled)?;
        telemetry.install_globals();
        Ok(telemetry)
    }

    /// Starts telemetry without installing it. Code run under [`Telemetry::dispatch`] (by
    /// `tracing::dispatcher::with_default` or `WithSubscriber`) uses it: several can live in one
    /// process, as tests need.
    ///
    /// # Errors
    /// See [`crate::init`].
    pub fn start(self) -> Result<Telemetry, InitError> {
        let settings = Settings::resolve(&self.code, &self.environment)?;
        let queue = Arc::new(Queue::new(settings.metrics.batch.queue));
        let exemplars = Arc::new(Exemplars::new(settings.metrics.exemplars, settings.is_scraped()));
        let sdk = provider(&settings, &queue, &exemplars);
        #[cfg(feature = "prometheus")]
        let (sdk, scraped) = crate::prometheus::add_reader(sdk, settings.is_scraped());
        let meters = Meters::new(sdk.build(), Arc::clone(&exemplars));
        let output = self.output.unwrap_or_else(|| Arc::new(Standard::start()));
        let core = Core::new(settings, output, queue, exemplars, &meters.own());
        #[cfg(feature = "prometheus")]
        let core = core.with_prometheus(scraped);
        let core = Arc::new(core);
        #[cfg(feature = "runtime")]
        if !self.code.no_runtime_metrics {
            core.runtimes.watch_current(&meters.own());
        }
        #[cfg(feature = "process")]
        if !self.code.no_process_metrics {
            crate::process::register(&meters.own());
        }
        let thread = ExportThread::start(&core)?;
        for warning in &core.settings.warnings {
            diagnostics::say(&core, Severity::Warn, warning.clone());
        }
        let layer = TelemetryLayer::new(Arc::clone(&core));
        let dispatch = Dispatch::new(Registry::default().with(layer));
        Ok(Telemetry::new(core, thread, meters, dispatch))
    }
}
