//! Log records over OTLP.

use throughline_toolkit::propagation::{SpanId, TraceContext, TraceId};

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, telemetry, within};

fn run(variables: &[(&str, &str)], f: impl FnOnce()) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    within(&telemetry, f);
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.complete, "{report}");
    collector
}

#[test]
fn keeps_body_severity_types_and_ids() {
    let collector = run(&[], || {
        let span = tracing::info_span!("work");
        span.in_scope(|| tracing::error!(target: "ledger", n = 5, share = 0.5, "cannot book {}", 7));
        tracing::info!(name: "order.booked", parent: &span, id = %3, "booked");
        tracing::info!("outside");
    });
    let span = collector.span("work");
    let logs = collector.received().logs.clone();
    let by_body = |body: &str| {
        logs.iter()
            .find(|l| format!("{:?}", l.body).contains(body))
            .unwrap_or_else(|| panic!("no record {body} in {logs:?}"))
    };
    let error = by_body("cannot book 7");
    assert_eq!((error.severity_number, error.severity_text.as_str()), (17, "ERROR"));
    assert_eq!((&error.trace_id, &error.span_id, error.flags), (&span.trace_id, &span.span_id, 3));
    assert_eq!(attribute(&error.attributes, "share").as_deref(), Some("0.5"));
    let booked = by_body("booked\"");
    assert_eq!((booked.event_name.as_str(), &booked.span_id), ("order.booked", &span.span_id));
    assert!(by_body("outside").trace_id.is_empty());
}

#[test]
fn records_of_unsampled_spans_keep_their_ids() {
    let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), false);
    let collector = run(&[], || {
        remote.in_scope(|| tracing::info_span!("work")).in_scope(|| tracing::info!("inside"));
    });
    let logs = collector.received().logs.clone();
    assert_eq!((logs[0].trace_id.as_slice(), logs[0].flags), (&remote.trace_id().to_bytes()[..], 0));
}

#[test]
fn limits_cut_attributes() {
    let variables =
        [("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1"), ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2")];
    let collector = run(&variables, || tracing::info!(a = "abc", b = 1, "cut"));
    let log = collector.received().logs[0].clone();
    assert_eq!(attribute(&log.attributes, "a").as_deref(), Some("ab"));
    assert_eq!((log.attributes.len(), log.dropped_attributes_count), (1, 1));
}

#[test]
fn the_filter_cuts_logs_but_not_spans() {
    let collector = run(&[("RUST_LOG", "error,it=warn")], || {
        tracing::info_span!("work").in_scope(|| {
            tracing::info!("quiet");
            tracing::warn!("loud");
            tracing::warn!(target: "other", "quiet too");
        });
        drop(tracing::debug_span!("too fine"));
    });
    let logs = collector.received().logs.len();
    assert_eq!((logs, collector.spans().len()), (1, 1));
}

#[test]
fn no_log_leaves_when_the_exporter_is_none() {
    let collector = run(&[("OTEL_LOGS_EXPORTER", "none")], || tracing::info!("local"));
    assert_eq!(collector.received().requests, 0);
}

#[test]
fn each_record_is_one_json_line_with_its_ids() {
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let seen = std::sync::Arc::clone(&lines);
    let environment = throughline_toolkit::Environment::from_pairs([
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ]);
    let builder = throughline_toolkit::Telemetry::builder().service("ledger").environment(environment);
    let telemetry = builder.log_to(move |line| seen.lock().unwrap().push(line.to_owned())).start().unwrap();
    let context = within(&telemetry, || {
        tracing::info_span!("work").in_scope(|| {
            tracing::warn!(n = 5, "careful");
            TraceContext::current()
        })
    });
    let line: serde_json::Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
    assert_eq!(line["trace_id"], context.trace_id().to_string());
    assert_eq!(line["span_id"], context.span_id().to_string());
    assert_eq!((&line["level"], &line["n"], &line["service"]), (&"WARN".into(), &5.into(), &"ledger".into()));
}
