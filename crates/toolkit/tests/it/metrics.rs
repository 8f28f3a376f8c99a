//! Metrics: boundaries, aggregation, temporality, interval.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::collector::{Collector, Mode, eventually};
use crate::{LIMIT, telemetry};

fn histogram(variables: &[(&str, &str)], unit: &'static str) -> Data {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    let histogram = telemetry.meter("test").f64_histogram("latency").with_unit(unit).build();
    histogram.record(0.003, &[]);
    let report = telemetry.shutdown_blocking(LIMIT);
    assert_eq!((report.metrics.exported, report.complete), (1, true), "{report}");
    let metrics = collector.received().metrics.clone();
    metrics[0].data.clone().unwrap()
}

#[test]
fn durations_have_the_house_boundaries() {
    let Data::Histogram(data) = histogram(&[], "s") else { panic!("not a histogram") };
    let bounds = &data.data_points[0].explicit_bounds;
    assert_eq!(bounds, &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0]);
    assert_eq!(data.data_points[0].bucket_counts[1], 1);
    let Data::Histogram(bytes) = histogram(&[], "By") else { panic!("not a histogram") };
    assert_ne!(&bytes.data_points[0].explicit_bounds, bounds);
}

#[test]
fn boundaries_of_its_own_win_over_those_of_the_house() {
    let sink = throughline_toolkit::testing::Sink::start();
    let telemetry = sink.telemetry("test");
    let meter = telemetry.meter("test");
    let builder = meter.f64_histogram("age").with_unit("s");
    builder.with_boundaries(vec![60.0, 3600.0]).build().record(100.0, &[]);
    let buckets = sink.metric("age").point([]).buckets();
    assert_eq!(buckets, [(60.0, 0), (3600.0, 1), (f64::INFINITY, 0)]);
}

#[test]
fn histograms_become_exponential_on_demand() {
    let variable =
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram");
    assert!(matches!(histogram(&[variable], "s"), Data::ExponentialHistogram(_)));
}

#[test]
fn temporality_follows_the_preference() {
    let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    for (value, expected) in [("cumulative", 2), ("delta", 1), ("lowmemory", 1)] {
        let Data::Histogram(data) = histogram(&[(name, value)], "s") else { panic!("not a histogram") };
        assert_eq!(data.aggregation_temporality, expected, "{value}");
    }
}

#[test]
fn exports_every_interval() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[("OTEL_METRIC_EXPORT_INTERVAL", "20")]);
    telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
    eventually("two exports", || collector.received().metrics.len() >= 2);
}

#[test]
fn nothing_leaves_when_the_exporter_is_none() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[("OTEL_METRICS_EXPORTER", "none")]);
    telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
    let report = telemetry.shutdown_blocking(LIMIT);
    assert_eq!((report.metrics.recorded, collector.received().requests), (0, 0));
}

#[test]
fn a_hanging_collector_does_not_hold_shutdown_up() {
    let collector = Collector::start(Mode::Hangs);
    let telemetry = telemetry(&collector.address, &[]);
    telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
    let started = std::time::Instant::now();
    let report = telemetry.shutdown_blocking(std::time::Duration::from_millis(300));
    assert!(started.elapsed() < std::time::Duration::from_secs(2));
    assert_eq!((report.metrics.exported, report.metrics.waiting), (0, 0), "{report}");
}

#[test]
fn exemplars_follow_the_filter() {
    for (filter, sampled, ids) in [
        ("trace_based", "always_on", Some(true)),
        ("trace_based", "always_off", None),
        ("always_off", "always_on", None),
        ("always_on", "always_off", Some(true)),
    ] {
        let collector = Collector::start(Mode::Works);
        let variables = [("OTEL_METRICS_EXEMPLAR_FILTER", filter), ("OTEL_TRACES_SAMPLER", sampled)];
        let telemetry = telemetry(&collector.address, &variables);
        let histogram = telemetry.duration_histogram("latency", "Latency.");
        let labels = [opentelemetry::KeyValue::new("n", 1), opentelemetry::KeyValue::new("a", "x")];
        crate::within(&telemetry, || {
            tracing::info_span!("work").in_scope(|| {
                histogram.record(std::time::Duration::from_millis(3), &labels);
            });
        });
        assert!(telemetry.shutdown_blocking(LIMIT).complete);
        let metrics = collector.received().metrics.clone();
        let Some(Data::Histogram(data)) = &metrics[0].data else { panic!("not a histogram") };
        let exemplars = &data.data_points[0].exemplars;
        let known = exemplars.first().map(|e| e.trace_id.len() == 16 && e.span_id.len() == 8);
        assert_eq!(known, ids, "{filter} {sampled}");
        if sampled == "always_on" && ids.is_some() {
            assert_eq!(exemplars[0].span_id, collector.span("work").span_id);
        }
    }
}
