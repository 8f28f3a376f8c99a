//! The metrics. Names that the Collector has are the Collector's, without the `_total` suffix, as
//! its own scrape endpoint writes them.

use throughline_model::Signal;

use super::{Kind, Metric};

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, kind: Kind::Counter }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, kind: Kind::Gauge }
}

/// One metric for each signal, picked by a function of the same name in lower case.
macro_rules! by_signal {
    ($(#[$doc:meta])* $function:ident, $prefix:literal, $help:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $function(signal: Signal) -> &'static Metric {
            static SPANS: Metric = counter(concat!($prefix, "_spans"), concat!("Spans ", $help));
            static LOGS: Metric = counter(concat!($prefix, "_log_records"), concat!("Log records ", $help));
            static POINTS: Metric = counter(concat!($prefix, "_metric_points"), concat!("Metric points ", $help));
            match signal {
                Signal::Traces => &SPANS,
                Signal::Logs => &LOGS,
                Signal::Metrics => &POINTS,
            }
        }
    };
}

by_signal!(
    /// Items that were acknowledged. Labels `receiver`, `transport`.
    receiver_accepted, "otelcol_receiver_accepted", "accepted and acknowledged.");
by_signal!(
    /// Items that decoded and could not be taken. Labels `receiver`, `transport`.
    receiver_refused, "otelcol_receiver_refused", "that could not be taken into the pipeline.");
by_signal!(
    /// Items that a destination accepted. Label `exporter`.
    exporter_sent, "otelcol_exporter_sent", "sent to the destination.");
by_signal!(
    /// Items that were given up. Labels `exporter`, `reason`.
    exporter_send_failed, "otelcol_exporter_send_failed", "that could not be sent and were given up.");
by_signal!(
    /// Items that a best-effort sink refused. Label `exporter`.
    exporter_enqueue_failed, "otelcol_exporter_enqueue_failed", "dropped because an exporter did not take them.");

/// Requests by `outcome`: `success`, `partial`, `refused` (try again) or `failure`. Labels
/// `receiver`, `transport`, `signal`, `outcome`.
pub static RECEIVER_REQUESTS: Metric = counter("otelcol_receiver_requests", "Requests by outcome.");
/// Items answered as rejected in a partial success. Labels `receiver`, `transport`, `signal`.
pub static RECEIVER_REJECTED: Metric =
    counter("otelcol_receiver_rejected_items", "Items rejected in a partial success.");
/// Body bytes after decompression. Labels `receiver`, `transport`, `signal`.
pub static RECEIVER_BYTES: Metric = counter("otelcol_receiver_bytes", "Body bytes after decompression.");
/// Open connections. Labels `receiver`, `transport`.
pub static RECEIVER_CONNECTIONS: Metric = gauge("otelcol_receiver_connections", "Open connections.");

/// Requests let in. The Collector counts items here; at the door they are not decoded yet.
pub static LIMITER_ACCEPTED_REQUESTS: Metric = counter(
    "otelcol_processor_memory_limiter_accepted_requests",
    "Requests admitted before their body was read.",
);
/// Requests refused, at the door or while they grew.
pub static LIMITER_REFUSED_REQUESTS: Metric =
    counter("otelcol_processor_memory_limiter_refused_requests", "Requests refused because memory is short.");
/// Bytes in requests being received.
pub static LIMITER_IN_FLIGHT_BYTES: Metric =
    gauge("otelcol_processor_memory_limiter_in_flight_bytes", "Bytes held by requests being received.");

/// Sends that failed for good. Labels `exporter`, `reason`.
pub static EXPORTER_SEND_FAILED_REQUESTS: Metric =
    counter("otelcol_exporter_send_failed_requests", "Sends given up, by reason.");
/// Attempts that failed and are tried again. Label `exporter`.
pub static EXPORTER_RETRIES: Metric =
    counter("otelcol_exporter_retries", "Attempts that failed and were tried again.");
/// Items that the destination rejected in a partial success. Labels `exporter`, `signal`.
pub static EXPORTER_PARTIAL_REJECTED: Metric = counter(
    "otelcol_exporter_partial_rejected_items",
    "Items that the destination rejected in a partial success.",
);
/// Requests read from the log and not done with. Label `exporter`.
pub static EXPORTER_QUEUE_SIZE: Metric =
    gauge("otelcol_exporter_queue_size", "Requests read from the log and not done with.");
