//! What happened to the telemetry of this process: exported, dropped and why.

use std::fmt;

/// Why a span, a log record or a data point never reached the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue held its maximum number of items.
    QueueFull,
    /// The queue held its maximum number of bytes.
    QueueBytes,
    /// The collector refused it for good, or every retry failed.
    ExportFailed,
    /// The export took longer than its limit.
    ExportTimeout,
    /// The collector took the request but rejected this item (partial success).
    Rejected,
    /// It was ended after shutdown began, or shutdown ran out of time.
    Shutdown,
}

impl DropReason {
    /// Every reason, in the order of [`SignalReport::reasons`].
    pub const ALL: [Self; 6] = [
        Self::QueueFull,
        Self::QueueBytes,
        Self::ExportFailed,
        Self::ExportTimeout,
        Self::Rejected,
        Self::Shutdown,
    ];

    /// The name used in reports and as `error.type` in the toolkit's own metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::QueueBytes => "queue_bytes",
            Self::ExportFailed => "export_failed",
            Self::ExportTimeout => "export_timeout",
            Self::Rejected => "rejected",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Counts of one signal since start.
///
/// After shutdown `recorded == exported + dropped`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignalReport {
    /// Items that ended and were handed to the exporter.
    pub recorded: u64,
    /// Items the collector accepted.
    pub exported: u64,
    /// Items that were lost, for any reason.
    pub dropped: u64,
    /// Items still waiting (zero after shutdown).
    pub waiting: u64,
    /// `dropped`, split by reason in the order of [`DropReason::ALL`].
    pub reasons: [u64; 6],
}

impl SignalReport {
    /// How many items were dropped for one reason.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        let at = DropReason::ALL.iter().position(|r| *r == reason);
        at.and_then(|i| self.reasons.get(i)).copied().unwrap_or(0)
    }
}

impl fmt::Display for SignalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} exported, {} dropped", self.exported, self.dropped)?;
        let mut sep = " (";
        for reason in DropReason::ALL {
            let n = self.dropped_for(reason);
            if n > 0 {
                write!(f, "{sep}{} {n}", reason.as_str())?;
                sep = ", ";
            }
        }
        if sep == ", " { f.write_str(")") } else { Ok(()) }
    }
}

/// What shutdown (or a flush) achieved, for each signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Spans.
    pub spans: SignalReport,
    /// Log records.
    pub logs: SignalReport,
    /// Metric data points.
    pub metrics: SignalReport,
    /// Sampled spans that were started and had not ended; they are in none of the counts above.
    pub open_spans: u64,
    /// JSON log lines that were lost because nobody read stderr; known once telemetry has stopped.
    pub log_lines_dropped: u64,
    /// False when the time limit cut the work short.
    pub complete: bool,
}

impl ShutdownReport {
    /// Whether every recorded item of every signal reached the collector, and every log line stderr.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        let waiting = self.spans.waiting + self.logs.waiting + self.metrics.waiting;
        let dropped = self.spans.dropped + self.logs.dropped + self.metrics.dropped;
        waiting + dropped + self.log_lines_dropped == 0
    }

    /// Writes the report as one log event: information when nothing was lost, else a warning.
    pub fn log(&self) {
        crate::diagnostics::report(self);
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spans: {}; logs: {}; metrics: {}", self.spans, self.logs, self.metrics)?;
        if self.log_lines_dropped > 0 {
            write!(f, "; {} log lines dropped", self.log_lines_dropped)?;
        }
        if self.open_spans > 0 {
            write!(f, "; {} spans still open", self.open_spans)?;
        }
        if self.complete { Ok(()) } else { f.write_str("; stopped by the time limit") }
    }
}
