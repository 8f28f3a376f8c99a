//! Writing to the terminal. A reader that went away (`| head`) is not a fault.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// One line on standard error, and the exit code of a failure.
pub fn fail(error: &anyhow::Error) -> ExitCode {
    // Standard error is the last place to say anything: when it is gone, so are we.
    writeln!(std::io::stderr(), "throughline: {error:#}").ok();
    ExitCode::FAILURE
}

/// Text on standard output.
pub fn text(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A line on standard output.
pub fn line(line: &str) -> anyhow::Result<()> {
    text(&format!("{line}\n"))
}

/// A line on standard error, for people.
pub fn note(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Whether to use colour: a terminal, and no `NO_COLOR`.
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Columns of the terminal.
pub fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.unwrap_or(120).clamp(60, 240)
}

/// A duration as people read it: `1.24 s`, `38 ms`, `412 µs`.
pub fn duration(ns: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let (value, unit) = match ns.unsigned_abs() {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => (ns as f64 / 1e9, "s"),
        _ => (ns as f64 / 60e9, "min"),
    };
    match value.abs() {
        v if v < 10.0 => format!("{value:.2} {unit}"),
        v if v < 100.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown = [7, 4_120, 38_000_000, 1_240_000_000, 90_000_000_000].map(duration);
        assert_eq!(shown, ["7 ns", "4.12 µs", "38.0 ms", "1.24 s", "1.50 min"]);
    }
}
