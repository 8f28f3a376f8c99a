//! Outputs of this process itself: log lines on stderr, and the `console` exporter on stdout.

use std::fmt::{self, Debug};
use std::io::Write;

/// Where lines go. Replaced in tests.
pub(crate) trait Output: Debug + Send + Sync {
    /// One complete line, with its newline.
    fn log_line(&self, line: &str);
    /// One export request as OTLP JSON, with its newline.
    fn console(&self, json: &str);
}

/// stderr and stdout.
#[derive(Debug)]
pub(crate) struct Standard;

impl Output for Standard {
    fn log_line(&self, line: &str) {
        // Nowhere is left to report that stderr is closed.
        let _closed = std::io::stderr().lock().write_all(line.as_bytes()).is_err();
    }

    fn console(&self, json: &str) {
        let _closed = std::io::stdout().lock().write_all(json.as_bytes()).is_err();
    }
}

/// Log lines go to a function of the service's choice.
pub(crate) struct Redirected(pub(crate) Box<dyn Fn(&str) + Send + Sync>);

impl Output for Redirected {
    fn log_line(&self, line: &str) {
        (self.0)(line);
    }

    fn console(&self, json: &str) {
        Standard.console(json);
    }
}

impl Debug for Redirected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redirected")
    }
}
