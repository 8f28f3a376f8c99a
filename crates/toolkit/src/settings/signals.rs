//! Exporter and batching of each signal.

use std::time::Duration;

use super::otlp::{OtlpSettings, Signal};
use super::{CodeSettings, Reader};
use crate::error::Reason;
use crate::queue::QueueLimits;

/// Where a signal goes: `OTEL_{TRACES,METRICS,LOGS}_EXPORTER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExporterKind {
    Otlp,
    Console,
    None,
}

/// When a batch leaves: `OTEL_BSP_*`, `OTEL_BLRP_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchSettings {
    pub(crate) queue: QueueLimits,
    pub(crate) delay: Duration,
    /// Limit of one export with all its retries.
    pub(crate) export_timeout: Duration,
}

/// Settings of traces or logs.
#[derive(Debug, Clone)]
pub(crate) struct SignalSettings {
    pub(crate) exporter: ExporterKind,
    pub(crate) otlp: OtlpSettings,
    pub(crate) batch: BatchSettings,
}

/// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporality {
    Cumulative,
    Delta,
    LowMemory,
}

/// `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistogramKind {
    Explicit,
    Exponential,
}

/// `OTEL_METRICS_EXEMPLAR_FILTER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExemplarFilter {
    AlwaysOn,
    AlwaysOff,
    TraceBased,
}

/// Settings of metrics.
#[derive(Debug, Clone)]
pub(crate) struct MetricSettings {
    pub(crate) exporter: ExporterKind,
    pub(crate) otlp: OtlpSettings,
    pub(crate) batch: BatchSettings,
    pub(crate) interval: Duration,
    pub(crate) temporality: Temporality,
    pub(crate) histogram: HistogramKind,
    pub(crate) exemplars: ExemplarFilter,
    /// Others than the exporter read them.
    pub(crate) scraped: bool,
}

/// Queues hold this many items and bytes unless told otherwise. The specification's 2,048 loses
/// spans in any burst; the byte bound is what protects the process.
const QUEUE_ITEMS: usize = 131_072;
const QUEUE_BYTES: usize = 64 * 1024 * 1024;
const BATCH_ITEMS: usize = 512;
const EXPORT_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn resolve(
    read: &mut Reader<'_>,
    signal: Signal,
    code: &CodeSettings,
    disabled: bool,
) -> Result<SignalSettings, Reason> {
    let (prefix, delay) = match signal {
        Signal::Logs => ("OTEL_BLRP", Duration::from_secs(1)),
        _ => ("OTEL_BSP", Duration::from_secs(5)),
    };
    let (items, bytes) = code.queue.unwrap_or((QUEUE_ITEMS, QUEUE_BYTES));
    let items = positive(read, &format!("{prefix}_MAX_QUEUE_SIZE")).unwrap_or(items);
    let batch = positive(read, &format!("{prefix}_MAX_EXPORT_BATCH_SIZE")).unwrap_or(BATCH_ITEMS);
    let delay = read.milliseconds(&format!("{prefix}_SCHEDULE_DELAY")).unwrap_or(delay);
    let timeout = read.milliseconds(&format!("{prefix}_EXPORT_TIMEOUT"));
    Ok(SignalSettings {
        exporter: exporter(read, signal, disabled),
        otlp: OtlpSettings::resolve(read, signal, code)?,
        batch: BatchSettings {
            queue: QueueLimits { items, bytes, batch: batch.min(items) },
            delay,
            export_timeout: timeout.unwrap_or(EXPORT_TIMEOUT),
        },
    })
}

pub(super) fn resolve_metrics(
    read: &mut Reader<'_>,
    code: &CodeSettings,
    disabled: bool,
) -> Result<MetricSettings, Reason> {
    let timeout = read.milliseconds("OTEL_METRIC_EXPORT_TIMEOUT").unwrap_or(EXPORT_TIMEOUT);
    let interval = read.milliseconds("OTEL_METRIC_EXPORT_INTERVAL");
    let (exporter, named) = metric_exporter(read, disabled);
    let scraped = !disabled && (named || scraped_unless_said(code));
    let exemplars = exemplars(read);
    Ok(MetricSettings {
        exporter,
        scraped,
        // Without a reader nobody takes them away.
        exemplars: if exporter == ExporterKind::None && !scraped {
            ExemplarFilter::AlwaysOff
        } else {
            exemplars
        },
        otlp: OtlpSettings::resolve(read, Signal::Metrics, code)?,
        batch: BatchSettings {
            queue: QueueLimits { items: 16, bytes: QUEUE_BYTES, batch: 1 },
            delay: Duration::from_secs(1),
            export_timeout: timeout,
        },
        interval: interval.filter(|i| !i.is_zero()).unwrap_or(Duration::from_secs(60)),
        temporality: temporality(read),
        histogram: histogram(read),
    })
}

fn positive(read: &mut Reader<'_>, name: &str) -> Option<usize> {
    let value = read.count(name);
    if value == Some(0) {
        read.warn(name, "0 is too small");
    }
    value.filter(|v| *v > 0)
}

fn exporter(read: &mut Reader<'_>, signal: Signal, disabled: bool) -> ExporterKind {
    let name = format!("OTEL_{}_EXPORTER", signal.upper());
    let text = read.text(&name);
    let kind = text.map_or(ExporterKind::Otlp, |text| kind_of(read, &name, &text));
    if disabled { ExporterKind::None } else { kind }
}

fn kind_of(read: &mut Reader<'_>, name: &str, text: &str) -> ExporterKind {
    match text {
        "otlp" => ExporterKind::Otlp,
        "console" | "logging" => ExporterKind::Console,
        "none" => ExporterKind::None,
        other => {
            read.warn(name, format!("unknown exporter `{other}`; using otlp"));
            ExporterKind::Otlp
        }
    }
}

/// The exporter of metrics, and whether `prometheus` is named beside it or instead of it.
fn metric_exporter(read: &mut Reader<'_>, disabled: bool) -> (ExporterKind, bool) {
    let name = format!("OTEL_{}_EXPORTER", Signal::Metrics.upper());
    let list = read.text(&name).unwrap_or_default();
    let others: Vec<&str> = list.split(',').map(str::trim).filter(|n| *n != "prometheus").collect();
    let named = cfg!(feature = "prometheus") && others.len() < list.split(',').count();
    match others.as_slice() {
        [] if named => (ExporterKind::None, true),
        [one] if named => (if disabled { ExporterKind::None } else { kind_of(read, &name, one) }, true),
        _ => (exporter(read, Signal::Metrics, disabled), false),
    }
}

#[cfg(feature = "prometheus")]
fn scraped_unless_said(code: &CodeSettings) -> bool {
    !code.no_prometheus
}

#[cfg(not(feature = "prometheus"))]
fn scraped_unless_said(_: &CodeSettings) -> bool {
    false
}

fn temporality(read: &mut Reader<'_>) -> Temporality {
    let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    match read.text(name).map(|t| t.to_ascii_lowercase()).as_deref() {
        None | Some("cumulative") => Temporality::Cumulative,
        Some("delta") => Temporality::Delta,
        Some("lowmemory") => Temporality::LowMemory,
        Some(other) => {
            read.warn(name, format!("unknown preference `{other}`"));
            Temporality::Cumulative
        }
    }
}

fn histogram(read: &mut Reader<'_>) -> HistogramKind {
    let name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    match read.text(name).map(|t| t.to_ascii_lowercase()).as_deref() {
        None | Some("explicit_bucket_histogram") => HistogramKind::Explicit,
        Some("base2_exponential_bucket_histogram") => HistogramKind::Exponential,
        Some(other) => {
            read.warn(name, format!("unknown aggregation `{other}`"));
            HistogramKind::Explicit
        }
    }
}

fn exemplars(read: &mut Reader<'_>) -> ExemplarFilter {
    let name = "OTEL_METRICS_EXEMPLAR_FILTER";
    match read.text(name).map(|t| t.to_ascii_lowercase()).as_deref() {
        None | Some("trace_based") => ExemplarFilter::TraceBased,
        Some("always_on") => ExemplarFilter::AlwaysOn,
        Some("always_off") => ExemplarFilter::AlwaysOff,
        Some(other) => {
            read.warn(name, format!("unknown filter `{other}`"));
            ExemplarFilter::TraceBased
        }
    }
}
