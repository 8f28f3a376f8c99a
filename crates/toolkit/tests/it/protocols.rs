//! What goes over the wire, for each protocol and compression.

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, telemetry, within};

fn send(variables: &[(&str, &str)]) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    let counter = telemetry.meter("test").u64_counter("orders").build();
    counter.add(3, &[]);
    within(&telemetry, || tracing::info_span!("work").in_scope(|| tracing::warn!(n = 1, "careful")));
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.complete, "{variables:?}: {report}");
    assert_eq!(report.metrics.exported, 1);
    collector
}

#[test]
fn each_protocol_and_compression_delivers_all_three_signals() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        for compression in ["none", "gzip", "zstd"] {
            let collector = send(&[
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
            ]);
            let received = collector.received();
            assert_eq!(received.spans[0].name, "work", "{protocol} {compression}");
            assert_eq!(received.logs[0].severity_text, "WARN");
            assert_eq!(received.logs[0].span_id, received.spans[0].span_id);
            assert_eq!(received.metrics[0].name, "orders");
        }
    }
}

#[test]
fn sends_headers_and_resource() {
    let collector = send(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc, x-team=one"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-team=two"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=dev,service.version=1%2E2"),
        ("OTEL_SERVICE_NAME", "renamed"),
    ]);
    let received = collector.received();
    assert!(received.headers.iter().all(|h| h["authorization"] == "Bearer abc"));
    let teams: Vec<_> = received.headers.iter().map(|h| h["x-team"].to_str().unwrap()).collect();
    assert_eq!(teams.iter().filter(|t| **t == "two").count(), 1, "{teams:?}");
    let resource = received.resource.as_ref().unwrap();
    for (key, value) in [
        ("service.name", "renamed"),
        ("service.version", "1.2"),
        ("deployment.environment.name", "dev"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(attribute(&resource.attributes, key).as_deref(), Some(value));
    }
}

#[test]
fn a_signal_may_go_elsewhere() {
    let elsewhere = Collector::start(Mode::Works);
    let address = format!("{}/v1/logs", elsewhere.address);
    let collector = send(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &address)]);
    assert_eq!((collector.received().logs.len(), elsewhere.received().logs.len()), (0, 1));
}

#[test]
fn the_collector_url_of_tracing_variables_is_used() {
    let collector = Collector::start(Mode::Works);
    let pairs =
        [("TRACING_COLLECTOR_URL", collector.address.as_str()), ("TRACING_SERVICE_NAME", "by-variable")];
    let environment = throughline_toolkit::Environment::from_pairs(pairs);
    let builder = throughline_toolkit::Telemetry::builder().service("by-code").log_lines(false);
    let telemetry = builder.environment(environment).start().unwrap();
    assert_eq!(telemetry.service_name(), "by-variable");
    within(&telemetry, || drop(tracing::info_span!("work")));
    assert!(telemetry.shutdown_blocking(LIMIT).is_lossless());
    assert_eq!(collector.spans().len(), 1);
}
