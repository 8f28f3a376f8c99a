//! Metrics: the SDK aggregates and collects, the export thread sends.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, PeriodicReader, SdkMeterProvider, Stream,
    Temporality as SdkTemporality,
};
use prost::Message;
use tokio::sync::oneshot;

use crate::metrics::exemplars::Exemplars;
use crate::queue::Queue;
use crate::settings::{ExporterKind, HistogramKind, Settings, Temporality};

/// Bucket boundaries of duration histograms, in seconds.
pub(crate) const DURATION_BOUNDARIES: [f64; 11] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];

/// An encoded export of all metrics.
#[derive(Debug)]
pub(crate) struct MetricRequest {
    pub(crate) body: Vec<u8>,
    pub(crate) points: u64,
    pub(crate) answer: oneshot::Sender<()>,
}

/// Hands what the SDK collected to the export thread and waits for the outcome.
#[derive(Debug)]
pub(crate) struct Exporter {
    queue: Arc<Queue<MetricRequest>>,
    temporality: Temporality,
    exemplars: Arc<Exemplars>,
}

impl PushMetricExporter for Exporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut request = ExportMetricsServiceRequest::from(metrics);
        self.exemplars.attach(&mut request);
        let points = count_points(&request);
        let body = request.encode_to_vec();
        let (answer, outcome) = oneshot::channel();
        let size = body.len();
        let pushed = self.queue.push(MetricRequest { body, points, answer }, size, points);
        if pushed.is_ok() {
            // What was lost is in the report; the SDK would only log it a second time.
            let _accounted = outcome.await.is_err();
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> SdkTemporality {
        match self.temporality {
            Temporality::Cumulative => SdkTemporality::Cumulative,
            Temporality::Delta => SdkTemporality::Delta,
            Temporality::LowMemory => SdkTemporality::LowMemory,
        }
    }
}

fn count_points(request: &ExportMetricsServiceRequest) -> u64 {
    let scopes = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
    let points = scopes.flat_map(|s| &s.metrics).map(|metric| match &metric.data {
        Some(Data::Gauge(d)) => d.data_points.len(),
        Some(Data::Sum(d)) => d.data_points.len(),
        Some(Data::Histogram(d)) => d.data_points.len(),
        Some(Data::ExponentialHistogram(d)) => d.data_points.len(),
        Some(Data::Summary(d)) => d.data_points.len(),
        None => 0,
    });
    points.sum::<usize>() as u64
}

/// The SDK's meter provider, configured as `settings` say; other readers may join.
pub(crate) fn provider(
    settings: &Settings,
    queue: &Arc<Queue<MetricRequest>>,
    exemplars: &Arc<Exemplars>,
) -> MeterProviderBuilder {
    let resource = Resource::builder_empty().with_attributes(settings.resource.clone()).build();
    let metrics = &settings.metrics;
    let mut builder = SdkMeterProvider::builder().with_resource(resource);
    if metrics.histogram == HistogramKind::Exponential {
        builder = builder.with_view(exponential);
    }
    if metrics.exporter != ExporterKind::None {
        let exporter = Exporter {
            queue: Arc::clone(queue),
            temporality: metrics.temporality,
            exemplars: Arc::clone(exemplars),
        };
        builder =
            builder.with_reader(PeriodicReader::builder(exporter).with_interval(metrics.interval).build());
    }
    builder
}

/// All histograms become exponential.
fn exponential(instrument: &Instrument) -> Option<Stream> {
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    let aggregation =
        Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };
    Stream::builder().with_aggregation(aggregation).build().ok()
}
