//! The toolkit's own messages: JSON lines on the log output at `OTEL_LOG_LEVEL`, never exported,
//! and few however long a fault lasts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;

use crate::ShutdownReport;
use crate::clock;
use crate::core::Core;
use crate::json_log;
use crate::layer::TelemetryLayer;
use crate::layer::event::{LogData, Severity};

const TARGET: &str = "throughline_toolkit";
/// The same trouble is reported at most this often.
const QUIET: Duration = Duration::from_secs(60);

/// Writes one message.
pub(crate) fn say(core: &Core, severity: Severity, message: String) {
    let level = match severity {
        Severity::Trace => LevelFilter::TRACE,
        Severity::Debug => LevelFilter::DEBUG,
        Severity::Info => LevelFilter::INFO,
        Severity::Warn => LevelFilter::WARN,
        Severity::Error => LevelFilter::ERROR,
    };
    if level <= core.settings.diagnostics {
        let time_ns = clock::now_ns();
        let record = LogData { time_ns, severity, target: TARGET.into(), message, ..LogData::default() };
        json_log::write(&record, &core.settings.service_name, &*core.output);
    }
}

/// See [`ShutdownReport::log`].
pub(crate) fn report(report: &ShutdownReport) {
    let lossless = report.is_lossless() && report.complete;
    let severity = if lossless { Severity::Info } else { Severity::Warn };
    if let Some(core) = TelemetryLayer::current() {
        say(&core, severity, format!("telemetry stopped: {report}"));
    }
}

/// Reports the troubles and recoveries of one signal's export.
#[derive(Debug)]
pub(crate) struct ExportLog {
    core: Arc<Core>,
    items: &'static str,
    collector: String,
    last: Option<Instant>,
    failing_since: Option<Instant>,
    lost: u64,
}

impl ExportLog {
    pub(crate) fn new(core: Arc<Core>, items: &'static str, collector: String) -> Self {
        Self { core, items, collector, last: None, failing_since: None, lost: 0 }
    }

    pub(crate) fn accepted(&mut self, exported: u64, rejected: u64, message: &str) {
        if rejected > 0 || !message.is_empty() {
            let (items, collector) = (self.items, &self.collector);
            let text = format!("{collector} rejected {rejected} {items}: {message}");
            self.seldom(Severity::Warn, text);
        }
        if let Some(since) = self.failing_since.take() {
            let (items, lost) = (self.items, std::mem::take(&mut self.lost));
            let after = since.elapsed().as_secs();
            let text = format!(
                "{} takes {items} again after {after} s: {exported} sent now, {lost} lost meanwhile",
                self.collector
            );
            self.last = None;
            say(&self.core, Severity::Info, text);
        }
    }

    pub(crate) fn retrying(&mut self, why: &str) {
        self.failing_since.get_or_insert_with(Instant::now);
        let text = format!("cannot export {} to {}, retrying: {why}", self.items, self.collector);
        self.seldom(Severity::Warn, text);
    }

    pub(crate) fn failed(&mut self, why: &str, lost: u64) {
        self.failing_since.get_or_insert_with(Instant::now);
        self.lost += lost;
        let text = format!("dropped {lost} {} for {}: {why}", self.items, self.collector);
        self.seldom(Severity::Warn, text);
    }

    pub(crate) fn unavailable(&self, fault: &std::io::Error) {
        say(&self.core, Severity::Error, format!("no telemetry is exported: {fault}"));
    }

    fn seldom(&mut self, severity: Severity, text: String) {
        if self.last.is_some_and(|at| at.elapsed() < QUIET) {
            return;
        }
        self.last = Some(Instant::now());
        say(&self.core, severity, text);
    }
}
