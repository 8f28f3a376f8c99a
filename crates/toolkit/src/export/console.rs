//! Outputs of this process itself: log lines on stderr, and the `console` exporter on stdout.

use std::fmt::{self, Debug};
use std::io::{Stderr, Write};
use std::sync::Arc;

use super::lines::Lines;

/// Where lines go. Replaced in tests.
pub(crate) trait Output: Debug + Send + Sync {
    /// One complete line, with its newline; an urgent one is out when this returns.
    fn log_line(&self, line: &str, urgent: bool);
    /// Writes what waits; later lines do not wait. How many lines were lost so far.
    fn close(&self) -> u64 {
        0
    }
    /// One export request as OTLP JSON, with its newline.
    fn console(&self, json: &str);
}

/// stderr and stdout.
#[derive(Debug)]
pub(crate) struct Standard(Arc<Lines<Stderr>>);

impl Standard {
    pub(crate) fn start() -> Self {
        Self(Lines::start(std::io::stderr()))
    }
}

impl Output for Standard {
    fn log_line(&self, line: &str, urgent: bool) {
        self.0.push(line, urgent);
    }

    fn close(&self) -> u64 {
        self.0.close();
        self.0.dropped()
    }

    fn console(&self, json: &str) {
        print(json);
    }
}

fn print(json: &str) {
    // Nowhere is left to report that stdout is closed.
    let _closed = std::io::stdout().lock().write_all(json.as_bytes()).is_err();
}

/// Log lines go to a function of the service's choice.
pub(crate) struct Redirected(pub(crate) Box<dyn Fn(&str) + Send + Sync>);

impl Output for Redirected {
    fn log_line(&self, line: &str, _: bool) {
        (self.0)(line);
    }

    fn console(&self, json: &str) {
        print(json);
    }
}

impl Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redirected")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::{Environment, Telemetry};

    #[derive(Debug, Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl Output for Recorder {
        fn log_line(&self, _: &str, _: bool) {}
        fn console(&self, json: &str) {
            self.0.lock().unwrap().push(json.to_owned());
        }
    }

    #[test]
    fn the_console_exporter_prints_each_signal_as_otlp_json() {
        let recorder = Arc::new(Recorder::default());
        let names = ["OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER"];
        let environment = Environment::from_pairs(names.map(|name| (name, "console")));
        let mut builder = Telemetry::builder().environment(environment);
        builder.set_output(Arc::clone(&recorder) as Arc<dyn Output>);
        let telemetry = builder.start().unwrap();
        telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
        tracing::dispatcher::with_default(telemetry.dispatch(), || {
            tracing::info_span!("work").in_scope(|| tracing::info!("inside"));
        });
        let report = telemetry.shutdown_blocking(Duration::from_secs(10));
        assert!(report.is_lossless() && report.spans.exported == 1, "{report}");
        let printed = recorder.0.lock().unwrap().clone();
        for key in ["resourceSpans", "resourceLogs", "resourceMetrics"] {
            let line = printed.iter().find(|line| line.contains(key)).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
    }
}
