//! Whatever the collector does: no panic, no block, and every span is accounted for.

use std::time::{Duration, Instant};

use throughline_toolkit::{DropReason, ShutdownReport, Telemetry};

use crate::collector::{Collector, Mode, eventually, nobody};
use crate::{LIMIT, telemetry, within};

const PROTOCOLS: [&str; 2] = ["http/protobuf", "grpc"];
const SPANS: u64 = 1000;

fn make_spans(telemetry: &Telemetry, n: u64) {
    within(telemetry, || {
        for n in 0..n {
            drop(tracing::info_span!("work", n));
        }
    });
}

fn adds_up(report: &ShutdownReport, recorded: u64) {
    assert_eq!(report.spans.recorded, recorded, "{report}");
    assert_eq!(report.spans.exported + report.spans.dropped, recorded, "{report}");
    assert_eq!(report.spans.waiting, 0, "{report}");
    assert_eq!(report.spans.reasons.iter().sum::<u64>(), report.spans.dropped);
}

/// Records under the fault, then shuts down within the limit; answers the report.
fn under(mode: Mode, protocol: &str) -> ShutdownReport {
    let collector = Collector::start(mode);
    shut_down(&collector.address, protocol, Duration::from_millis(700))
}

fn shut_down(address: &str, protocol: &str, limit: Duration) -> ShutdownReport {
    let telemetry = telemetry(address, &[("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)]);
    make_spans(&telemetry, SPANS);
    let started = Instant::now();
    let report = telemetry.shutdown_blocking(limit);
    let took = started.elapsed();
    assert!(took < limit + Duration::from_millis(600), "{protocol}: shutdown took {took:?}");
    adds_up(&report, SPANS);
    report
}

#[test]
fn nobody_listening_ends_soon_and_counts_every_span() {
    for protocol in PROTOCOLS {
        let started = Instant::now();
        let report = shut_down(&nobody(), protocol, LIMIT);
        assert_eq!(report.spans.dropped, SPANS);
        assert!(started.elapsed() < Duration::from_secs(10), "waited for nobody");
    }
}

#[test]
fn a_name_that_does_not_resolve_counts_every_span() {
    for protocol in PROTOCOLS {
        let address = "http://collector.invalid:4318";
        assert_eq!(shut_down(address, protocol, Duration::from_secs(5)).spans.dropped, SPANS);
    }
}

#[test]
fn a_hanging_collector_costs_the_limit_and_no_more() {
    for protocol in PROTOCOLS {
        let report = under(Mode::Hangs, protocol);
        assert_eq!(report.spans.dropped_for(DropReason::Shutdown), SPANS, "{protocol}");
        assert!(!report.complete);
    }
}

#[test]
fn an_overloaded_collector_is_retried_until_the_limit() {
    for (protocol, statuses) in [("http/protobuf", [429, 503]), ("grpc", [14, 4])] {
        for status in statuses {
            let report = under(Mode::Status(status), protocol);
            assert_eq!(report.spans.dropped_for(DropReason::Shutdown), SPANS, "{protocol} {status}");
        }
    }
}

#[test]
fn a_refusing_collector_is_not_retried() {
    for (protocol, statuses) in [("http/protobuf", [400, 500]), ("grpc", [3, 13])] {
        for status in statuses {
            let collector = Collector::start(Mode::Status(status));
            let report = shut_down(&collector.address, protocol, LIMIT);
            assert_eq!(report.spans.dropped_for(DropReason::ExportFailed), SPANS);
            assert!(report.complete);
            assert_eq!(collector.received().requests, 2, "one request a batch of 512");
        }
    }
}

#[test]
fn a_collector_that_dies_mid_answer_is_retried() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(Mode::DiesMidStream);
        let report = shut_down(&collector.address, protocol, Duration::from_millis(700));
        assert_eq!(report.spans.dropped, SPANS, "{protocol}");
        assert!(collector.received().requests >= 2, "{protocol}: no retry");
    }
}

#[test]
fn a_collector_that_recovers_gets_everything() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(Mode::RecoversAfter(3));
        let report = shut_down(&collector.address, protocol, LIMIT);
        assert_eq!((report.spans.exported, report.is_lossless()), (SPANS, true), "{protocol}");
        assert_eq!(collector.spans().len() as u64, SPANS);
    }
}

#[test]
fn a_collector_that_comes_late_gets_everything() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // Bound but not accepted from: connections queue in the kernel and nobody answers.
    let telemetry = telemetry(&address, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "100")]);
    make_spans(&telemetry, 10);
    let report = telemetry.shutdown_blocking(Duration::from_millis(300));
    adds_up(&report, 10);
    drop(listener);
}

#[test]
fn rejected_items_are_counted_as_such() {
    for protocol in PROTOCOLS {
        let report = under(Mode::Rejects(3), protocol);
        assert_eq!(report.spans.dropped_for(DropReason::Rejected), 6, "{protocol}: 3 in each of 2 requests");
        assert_eq!(report.spans.exported, SPANS - 6);
    }
}

#[test]
fn a_full_queue_drops_and_counts_and_never_blocks() {
    let collector = Collector::start(Mode::Hangs);
    let telemetry = telemetry(&collector.address, &[("OTEL_BSP_MAX_QUEUE_SIZE", "100")]);
    let started = Instant::now();
    make_spans(&telemetry, 50_000);
    assert!(started.elapsed() < Duration::from_secs(20), "recording was held up");
    let report = telemetry.shutdown_blocking(Duration::from_millis(200));
    adds_up(&report, 50_000);
    assert!(report.spans.dropped_for(DropReason::QueueFull) > 45_000, "{report}");
}

#[test]
fn the_byte_bound_holds_for_large_spans() {
    let builder = Telemetry::builder().log_lines(false).queue(1_000_000, 1024 * 1024);
    let environment = throughline_toolkit::Environment::empty();
    let telemetry = builder.endpoint(nobody()).environment(environment).start().unwrap();
    let text = "x".repeat(10_000);
    within(&telemetry, || {
        for _ in 0..1000 {
            drop(tracing::info_span!("large", text));
        }
    });
    let report = telemetry.shutdown_blocking(Duration::from_millis(500));
    adds_up(&report, 1000);
    assert!(report.spans.dropped_for(DropReason::QueueBytes) > 300, "{report}");
}

#[test]
fn a_burst_of_100_000_spans_arrives_whole() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    make_spans(&telemetry, 100_000);
    let report = telemetry.shutdown_blocking(Duration::from_secs(60));
    adds_up(&report, 100_000);
    assert!(report.is_lossless(), "{report}");
    assert_eq!(collector.spans().len(), 100_000);
}

#[test]
fn spans_after_shutdown_are_counted_as_dropped() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let first = telemetry.shutdown_blocking(LIMIT);
    assert_eq!(first.spans.recorded, 0);
    make_spans(&telemetry, 3);
    assert_eq!(telemetry.shutdown_blocking(LIMIT), first, "a second shutdown says the same");
}

#[test]
fn an_export_that_takes_too_long_is_given_up() {
    let collector = Collector::start(Mode::Status(503));
    let variables = [("OTEL_BSP_EXPORT_TIMEOUT", "150"), ("OTEL_BSP_SCHEDULE_DELAY", "10")];
    let telemetry = telemetry(&collector.address, &variables);
    make_spans(&telemetry, 5);
    eventually("the batch is given up", || {
        telemetry.stats().spans.dropped_for(DropReason::ExportTimeout) == 5
    });
}

#[test]
fn dropping_the_handle_flushes() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    make_spans(&telemetry, 5);
    drop(telemetry);
    assert_eq!(collector.spans().len(), 5);
}

#[test]
fn a_flush_sends_without_waiting_for_the_delay() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    make_spans(&telemetry, 5);
    let report = futures::executor::block_on(telemetry.flush(LIMIT));
    assert_eq!((report.spans.exported, report.complete), (5, true), "{report}");
}
