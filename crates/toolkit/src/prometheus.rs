//! `/metrics` for Prometheus: the text format 0.0.4 and OpenMetrics 1.0, side by side with OTLP or
//! instead of it.
//!
//! ```no_run
//! use throughline_toolkit::{self as toolkit, http::server::TraceLayer, prometheus};
//!
//! # async fn serve(_: axum::Router) {}
//! # async fn f() -> Result<(), toolkit::InitError> {
//! let telemetry = toolkit::init("ledger")?;
//! let created = telemetry.meter("ledger").u64_counter("ledger_entries_created_total").build();
//! let app = axum::Router::new()
//!     .route("/v1/entries", axum::routing::post(move || async move { created.add(1, &[]) }))
//!     .merge(prometheus::route()) // GET /metrics
//!     .layer(TraceLayer::new().skip_paths(["/metrics"]));
//! serve(app).await;
//! # Ok(()) }
//! ```
//!
//! With the feature `prometheus` every telemetry can be scraped, also when no collector is there
//! and when `OTEL_METRICS_EXPORTER` is `none`; [`crate::TelemetryBuilder::prometheus`] turns it
//! off. `OTEL_METRICS_EXPORTER=prometheus` leaves OTLP out, `otlp,prometheus` has both. Metrics
//! are cumulative here, whatever OTLP's temporality is.
//!
//! # Names
//!
//! They follow the specification of OpenTelemetry's compatibility with Prometheus:
//!
//! | instrument, name, unit | series |
//! | --- | --- |
//! | counter `orders`, `{order}` | `orders_total` |
//! | counter `ledger_entries_created_total` | `ledger_entries_created_total` |
//! | counter `process.cpu.time`, `s` | `process_cpu_time_seconds_total` |
//! | histogram `http.server.request.duration`, `s` | `http_server_request_duration_seconds_{bucket,sum,count}` |
//! | histogram `outbox_relay_latency_seconds`, `s` | `outbox_relay_latency_seconds_{bucket,sum,count}` |
//! | gauge or up-down counter `consumer_lag`, `{message}` | `consumer_lag` |
//! | gauge `share`, `1` | `share_ratio` |
//! | gauge `speed`, `By/s` | `speed_bytes_per_second` |
//!
//! What Prometheus does not allow in a name becomes an underscore, several in a row one. Labels
//! whose names become the same get both values, separated by `;`; a label `le` of a histogram
//! becomes `le_`. Series that become the same are added up (of gauges the last one counts). A
//! metric that has the name of another with a different type is left out, and
//! `throughline_prometheus_left_out{metric}` says so.
//!
//! The resource is `target_info`. The scope of a metric is a label (`otel_scope_name`,
//! `otel_scope_version`) only on demand: [`PrometheusReader::with_scope_labels`].
//!
//! # Exemplars
//!
//! In OpenMetrics each bucket of a histogram carries the latest measurement that was taken in it
//! inside a sampled span, with `trace_id` and `span_id`; see
//! [`crate::Telemetry::meter`] for which histograms keep them. Prometheus stores them when it is
//! started with `--enable-feature=exemplar-storage`.
//!
//! Exponential histograms have no text form: they are shown with at most twenty buckets, made by
//! merging, so that counts are exact.

mod accept;
mod family;
mod name;
mod reader;
#[cfg(feature = "axum")]
mod route;
mod sample;
mod text;

#[cfg(feature = "axum")]
pub use route::route;

pub(crate) use reader::SharedReader;

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::metrics::MeterProviderBuilder;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;

use crate::metrics::exemplars::Exemplars;
use accept::Format;

/// A meter provider in the making with a reader for Prometheus, if it may read.
pub(crate) fn add_reader(
    builder: MeterProviderBuilder,
    on: bool,
) -> (MeterProviderBuilder, Option<SharedReader>) {
    if !on {
        return (builder, None);
    }
    let reader = SharedReader::default();
    (builder.with_reader(reader.clone()), Some(reader))
}

/// Reads the metrics of one telemetry for Prometheus. Made by [`crate::Telemetry::prometheus`];
/// cheap to clone.
#[derive(Debug, Clone)]
pub struct PrometheusReader {
    reader: SharedReader,
    exemplars: Arc<Exemplars>,
    scope_labels: bool,
}

impl PrometheusReader {
    pub(crate) fn new(reader: SharedReader, exemplars: Arc<Exemplars>) -> Self {
        Self { reader, exemplars, scope_labels: false }
    }

    /// Adds the labels `otel_scope_name` and `otel_scope_version` to every series.
    #[must_use]
    pub fn with_scope_labels(mut self, on: bool) -> Self {
        self.scope_labels = on;
        self
    }

    /// All metrics as they are now: the value of `Content-Type` and the text, in the format that
    /// `accept`, the value of the request's `Accept` header, prefers.
    #[must_use]
    pub fn render(&self, accept: Option<&str>) -> (&'static str, String) {
        let format = Format::preferred(accept.unwrap_or(""));
        let mut collected = ResourceMetrics::default();
        // After shutdown there is nothing left to collect.
        let _stopped = self.reader.collect(&mut collected).is_err();
        let mut request = ExportMetricsServiceRequest::from(&collected);
        self.exemplars.copy_to(&mut request);
        let families = family::collect(&request, self.scope_labels);
        (format.content_type(), text::write(&families, format))
    }
}
