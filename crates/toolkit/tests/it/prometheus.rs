//! `/metrics`: what Prometheus reads, in both formats.

mod exposition;

use std::time::Duration;

use expect_test::expect;
use http::Request;
use http_body_util::BodyExt;
use opentelemetry::KeyValue;
use throughline_toolkit::testing::Sink;
use throughline_toolkit::{Environment, Telemetry, prometheus};
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

use crate::{LIMIT, within};
use exposition::{Exposition, parse};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// Telemetry without a collector and without the instruments of the machine.
fn alone(variables: &[(&str, &str)]) -> Telemetry {
    let fixed = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    let environment = Environment::from_pairs(fixed.iter().chain(variables).copied());
    let builder = Telemetry::builder().service("ledger").log_lines(false).environment(environment);
    crate::quiet(builder).start().unwrap()
}

/// Both formats, each read by the rules of its specification, without `target_info`.
fn read(telemetry: &Telemetry) -> (Exposition, Exposition) {
    let reader = telemetry.prometheus();
    let (kind, text) = reader.render(None);
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let (open_kind, open) = reader.render(Some(OPEN_METRICS));
    assert_eq!(open_kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    (parse(&text, false), parse(&open, true))
}

/// The text without the lines about the resource, which differ from run to run.
fn shown(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("target"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_names_of_the_reference_system_are_kept() {
    let telemetry = alone(&[]);
    let meter = telemetry.meter("ledger");
    meter.u64_counter("ledger_entries_created_total").with_unit("{entry}").build().add(2, &[]);
    meter.f64_histogram("outbox_relay_latency_seconds").with_unit("s").build().record(0.2, &[]);
    meter.i64_gauge("consumer_lag").with_unit("{message}").build().record(7, &[]);
    telemetry
        .duration_histogram("transfer_latency_seconds", "Latency of transfers.")
        .record(Duration::from_millis(3), &[]);
    let (text, open) = read(&telemetry);
    for exposition in [text, open] {
        assert_eq!(exposition.value("ledger_entries_created_total", &[]), 2.0);
        assert_eq!(exposition.value("outbox_relay_latency_seconds_count", &[]), 1.0);
        assert_eq!(exposition.value("consumer_lag", &[]), 7.0);
        assert_eq!(exposition.value("transfer_latency_seconds_bucket", &[("le", "0.005")]), 1.0);
        assert_eq!(exposition.value("transfer_latency_seconds_sum", &[]), 0.003);
        let info = exposition.one("target_info");
        assert_eq!((info.label("service_name"), info.value), (Some("ledger"), 1.0));
    }
}

#[test]
fn reads_like_the_formats_say() {
    let telemetry = alone(&[]);
    let meter = telemetry.meter("shop");
    let orders = meter.u64_counter("orders").with_unit("{order}").with_description("Orders\nby \"kind\" \\.");
    let orders = orders.build();
    orders.add(3, &[KeyValue::new("kind", "new\n\"\\"), KeyValue::new("shop.region", "eu")]);
    meter.i64_up_down_counter("stock").build().add(-4, &[]);
    meter.f64_gauge("share").with_unit("1").build().record(0.25, &[]);
    meter.f64_observable_counter("busy").with_unit("s").with_callback(|o| o.observe(1.5, &[])).build();
    let size = meter.u64_histogram("size").with_unit("By").with_boundaries(vec![10.0, 1e6]).build();
    size.record(8, &[]);
    size.record(20, &[]);
    let reader = telemetry.prometheus();
    expect![[r##"
        # TYPE busy_seconds_total counter
        busy_seconds_total 1.5
        # TYPE orders_total counter
        # HELP orders_total Orders\nby "kind" \\.
        orders_total{kind="new\n\"\\",shop_region="eu"} 3
        # TYPE share_ratio gauge
        share_ratio 0.25
        # TYPE size_bytes histogram
        size_bytes_bucket{le="10"} 1
        size_bytes_bucket{le="1000000"} 2
        size_bytes_bucket{le="+Inf"} 2
        size_bytes_sum 28
        size_bytes_count 2
        # TYPE stock gauge
        stock -4
    "##]]
    .assert_eq(&shown(&reader.render(None).1));
    expect![[r##"
        # TYPE busy_seconds counter
        # UNIT busy_seconds seconds
        busy_seconds_total 1.5
        # TYPE orders counter
        # HELP orders Orders\nby \"kind\" \\.
        orders_total{kind="new\n\"\\",shop_region="eu"} 3
        # TYPE share_ratio gauge
        # UNIT share_ratio ratio
        share_ratio 0.25
        # TYPE size_bytes histogram
        # UNIT size_bytes bytes
        size_bytes_bucket{le="10.0"} 1
        size_bytes_bucket{le="1000000.0"} 2
        size_bytes_bucket{le="+Inf"} 2
        size_bytes_sum 28
        size_bytes_count 2
        # TYPE stock gauge
        stock -4
        # EOF
    "##]]
    .assert_eq(&shown(&reader.render(Some(OPEN_METRICS)).1));
    let (text, open) = read(&telemetry);
    assert_eq!(text.one("orders_total").label("kind"), Some("new\n\"\\"));
    assert_eq!(text.samples.len(), open.samples.len());
}

#[test]
fn buckets_carry_exemplars_of_their_spans_in_open_metrics() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let own = telemetry.meter("ledger").f64_histogram("size").with_boundaries(vec![1.0, 5.0]).build();
    let bound = own.bind(&[KeyValue::new("kind", "bound")]);
    let whole = telemetry.meter("ledger").u64_histogram("rows").build();
    let latency = telemetry.duration_histogram("latency", "Latency.");
    within(&telemetry, || {
        let _work = tracing::info_span!("work").entered();
        own.record(3.0, &[KeyValue::new("kind", 7)]);
        bound.record(9.0);
        whole.record(60, &[]);
        latency.record(Duration::from_millis(30), &[]);
    });
    let trace = sink.trace_of("work");
    let (text, open) = read(&telemetry);
    assert!(text.samples.iter().all(|sample| sample.exemplar.is_none()), "the old format has none");
    let work = trace.root();
    for (name, labels, bucket, value) in [
        ("size_bucket", vec![("kind", "7")], "5.0", 3.0),
        ("size_bucket", vec![("kind", "bound")], "+Inf", 9.0),
        ("rows_bucket", vec![], "75.0", 60.0),
        ("latency_seconds_bucket", vec![], "0.05", 0.03),
    ] {
        let labels: Vec<_> = labels.into_iter().chain([("le", bucket)]).collect();
        let exemplar = open.find(name, &labels).exemplar.as_ref().unwrap_or_else(|| panic!("{name}: none"));
        assert_eq!(exemplar.value, value, "{name}");
        assert_eq!(exemplar.label("trace_id"), Some(trace.id().to_string().as_str()));
        assert_eq!(exemplar.label("span_id"), Some(work.span_id().to_string().as_str()));
        assert!(exemplar.timestamp.unwrap() > 1.7e9);
    }
    let with_exemplars = open.samples.iter().filter(|sample| sample.exemplar.is_some()).count();
    assert_eq!(with_exemplars, 4, "one bucket each");
    // The same went out by OTLP, and a scrape takes nothing away from an export.
    let point = sink.metric("size").point([("kind", "bound")]);
    assert_eq!(point.exemplar_of(&trace).span_id(), work.span_id());
    assert_eq!(sink.metric("rows").point([]).exemplar_of(&trace).value(), 60.0);
    assert!(read(&telemetry).1.one_of("latency_seconds_bucket", "0.05").exemplar.is_some());
}

#[test]
fn series_that_become_the_same_are_added_up_and_types_do_not_mix() {
    let telemetry = alone(&[]);
    for scope in ["a", "b"] {
        let meter = telemetry.meter(scope);
        meter.u64_counter("orders").build().add(2, &[]);
        meter.f64_histogram("size").build().record(3.0, &[]);
    }
    let meter = telemetry.meter("a");
    meter.u64_counter("jobs.done").build().add(1, &[]);
    meter.u64_counter("jobs_done").build().add(1, &[]);
    meter.f64_gauge("orders_total").build().record(9.0, &[]);
    meter.u64_counter("labels").build().add(1, &[KeyValue::new("a.b", "1"), KeyValue::new("a_b", "2")]);
    meter.f64_histogram("width").build().record(1.0, &[KeyValue::new("le", "x")]);
    let (text, open) = read(&telemetry);
    for exposition in [text, open] {
        assert_eq!(exposition.value("orders_total", &[]), 4.0);
        assert_eq!(exposition.value("size_count", &[]), 2.0);
        assert_eq!(exposition.value("jobs_done_total", &[]), 2.0);
        assert_eq!(exposition.value("throughline_prometheus_left_out", &[("metric", "orders_total")]), 1.0);
        assert_eq!(exposition.one("labels_total").label("a_b"), Some("1;2"));
        assert_eq!(exposition.one("width_count").label("le_"), Some("x"));
    }
}

#[test]
fn scopes_are_labels_on_demand() {
    let telemetry = alone(&[]);
    for scope in ["a", "b"] {
        telemetry.meter(scope).u64_counter("orders").build().add(2, &[]);
    }
    let (_, text) = telemetry.prometheus().with_scope_labels(true).render(None);
    let exposition = parse(&text, false);
    assert_eq!(
        exposition.value("orders_total", &[("otel_scope_name", "b"), ("otel_scope_version", "")]),
        2.0
    );
}

#[test]
fn exponential_histograms_become_ordinary_ones() {
    let name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    let telemetry = alone(&[(name, "base2_exponential_bucket_histogram")]);
    let histogram = telemetry.meter("test").f64_histogram("size").build();
    (0..1000).for_each(|n| histogram.record(f64::from(n), &[]));
    let (text, open) = read(&telemetry);
    assert_eq!(text.value("size_count", &[]), 1000.0);
    assert_eq!(text.value("size_bucket", &[("le", "0")]), 1.0);
    assert_eq!(open.value("size_bucket", &[("le", "+Inf")]), 1000.0);
}

#[test]
fn the_exporter_variable_has_its_say() {
    for (exporter, otlp, scraped) in [
        ("prometheus", false, true),
        ("otlp,prometheus", true, true),
        ("none", false, true),
        ("otlp", true, true),
    ] {
        let sink = Sink::start();
        let mut variables = sink.variables();
        variables.push(("OTEL_METRICS_EXPORTER".to_owned(), exporter.to_owned()));
        let builder = Telemetry::builder().log_lines(false).environment(Environment::from_pairs(variables));
        let telemetry = crate::quiet(builder).start().unwrap();
        telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
        let (_, text) = telemetry.prometheus().render(None);
        assert_eq!(text.contains("orders_total 1"), scraped, "{exporter}: {text}");
        let report = telemetry.shutdown_blocking(LIMIT);
        assert_eq!(report.metrics.exported > 0, otlp, "{exporter}: {report}");
    }
}

#[test]
fn nothing_is_read_when_it_is_off() {
    let off = crate::quiet(Telemetry::builder().prometheus(false).environment(Environment::empty()));
    let disabled = Environment::from_pairs([("OTEL_SDK_DISABLED", "true")]);
    let disabled = crate::quiet(Telemetry::builder().environment(disabled));
    for builder in [off, disabled] {
        let telemetry = builder.log_lines(false).start().unwrap();
        telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
        assert_eq!(telemetry.prometheus().render(None).1, "");
        assert_eq!(telemetry.prometheus().render(Some(OPEN_METRICS)).1, "# EOF\n");
    }
}

/// What `GET /metrics` answers within this telemetry.
fn scrape(app: axum::Router, telemetry: Option<&Telemetry>) -> (u16, String, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = Request::builder().uri("/metrics").header("accept", OPEN_METRICS);
    let answer = async {
        let answer = app.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    };
    match telemetry {
        Some(telemetry) => runtime.block_on(answer.with_subscriber(telemetry.dispatch().clone())),
        None => runtime.block_on(answer),
    }
}

#[test]
fn a_route_serves_the_telemetry_around_it_or_its_own() {
    let telemetry = alone(&[]);
    telemetry.meter("test").u64_counter("orders").build().add(1, &[]);
    let (status, kind, body) = scrape(prometheus::route(), Some(&telemetry));
    assert_eq!((status, kind.as_str()), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert_eq!(parse(&body, true).value("orders_total", &[]), 1.0);
    let (status, _, body) = scrape(telemetry.prometheus().route(), None);
    assert_eq!((status, body.contains("orders_total 1")), (200, true));
    let (status, _, body) = scrape(prometheus::route(), None);
    assert_eq!((status, body.contains("no telemetry")), (503, true), "{body}");
}
