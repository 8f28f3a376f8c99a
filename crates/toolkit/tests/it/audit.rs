//! The rules about telemetry: what violates each, and what does not.

use std::time::Duration;

use opentelemetry::KeyValue;
use throughline_toolkit::audit::{Observe, Rule};
use throughline_toolkit::testing::Sink;
use throughline_toolkit::{Environment, RecordError, SpanExt, SpanStatus, Telemetry};
use tracing::{Span, info_span};

use crate::within;

/// The one rule that `work` violates, with how often; `None` when it violates none.
fn violated(work: impl FnOnce()) -> Option<(Rule, u64)> {
    let sink = Sink::start();
    let telemetry = sink.telemetry("audited");
    within(&telemetry, work);
    let seen = sink.audit();
    let own = telemetry.audit();
    assert_eq!((own.spans, own.logs), (seen.spans, seen.logs));
    assert_eq!(own.violations, seen.violations, "the sink and the service see the same");
    match &own.violations[..] {
        [] => None,
        [found] => Some((found.rule, found.count)),
        several => panic!("{several:#?}"),
    }
}

fn fault() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("disk"))
}

#[test]
fn an_observed_error_must_leave_a_mark() {
    let silent = violated(|| {
        let _work = info_span!("work").entered();
        drop(fault().observed());
    });
    assert_eq!(silent, Some((Rule::ErrorReturnedWithoutStatus, 1)));
    let told_later = violated(|| {
        let _work = info_span!("work").entered();
        drop(fault().observed().record_error());
    });
    assert_eq!(told_later, None);
    assert_eq!(violated(|| info_span!("work").in_scope(|| assert!(Ok::<_, ()>(1).observed().is_ok()))), None);
}

#[test]
fn a_server_that_answers_500_must_tell_why() {
    let answer = |status: i64, record: bool| {
        violated(move || {
            let request = info_span!(
                "GET /users",
                otel.kind = "server",
                http.request.method = "GET",
                http.route = "/users",
                http.response.status_code = status,
                error.r#type = "disk_full",
                otel.status_code = "error"
            );
            let _request = request.entered();
            if record {
                let _query = info_span!("SELECT users").entered();
                drop(fault().record_error());
            }
        })
    };
    assert_eq!(answer(500, false), Some((Rule::ServerErrorWithoutException, 1)));
    assert_eq!(answer(500, true), None);
    assert_eq!(answer(503, false), None, "other statuses are answers, not accidents");
}

#[test]
fn a_5xx_needs_an_error_type() {
    let call = |status: i64, error_type: Option<&str>| {
        violated(move || {
            let span = info_span!("GET", otel.kind = "client", http.response.status_code = status);
            if let Some(error_type) = error_type {
                span.set_attribute("error.type", error_type.to_owned());
            }
        })
    };
    assert_eq!(call(502, None), Some((Rule::Http5xxWithoutErrorType, 1)));
    assert_eq!(call(502, Some("502")), None);
    assert_eq!(call(404, None), None);
}

#[test]
fn an_error_needs_a_type() {
    let failed = |with_type: bool| {
        violated(move || {
            let span = info_span!("work");
            span.set_status(SpanStatus::Error("disk".to_owned()));
            if with_type {
                span.set_attribute("error.type", "disk_full");
            }
        })
    };
    assert_eq!(failed(false), Some((Rule::ErrorStatusWithoutErrorType, 1)));
    assert_eq!(failed(true), None);
}

#[test]
fn an_exception_must_not_climb() {
    let by_hand = |span: &Span| {
        span.add_event("exception", vec![KeyValue::new("exception.message", "disk")]);
    };
    let climbs = violated(|| {
        let outer = info_span!("outer").entered();
        info_span!("inner").in_scope(|| drop(fault().record_error()));
        by_hand(&outer);
    });
    assert_eq!(climbs, Some((Rule::ExceptionRecordedTwice, 1)));
    let recorded_as_it_should_be = violated(|| {
        let _outer = info_span!("outer").entered();
        drop(info_span!("inner").in_scope(|| fault().record_error()).record_error());
    });
    assert_eq!(recorded_as_it_should_be, None);
    let event_and_log = violated(|| {
        let _work = info_span!("work").entered();
        drop(fault().record_error());
        tracing::warn!(exception.message = "disk", "again");
    });
    assert_eq!(event_and_log, Some((Rule::ExceptionRecordedTwice, 1)));
    let attempts = violated(|| {
        let _outer = info_span!("outer").entered();
        for _ in 0..3 {
            by_hand(&info_span!("attempt"));
        }
    });
    assert_eq!(attempts, None, "failures side by side are not the same");
}

#[test]
fn secrets_are_found_wherever_they_hide() {
    const TOKEN: &str = "Bearer abcdEFGH1234ijkl";
    let hidden: [(&str, fn()); 5] = [
        ("an attribute", || drop(info_span!("work", password = "hunter2"))),
        ("a list", || {
            let list: Vec<opentelemetry::StringValue> = vec![TOKEN.into()];
            info_span!("work").set_attribute("sent", opentelemetry::Value::Array(list.into()));
        }),
        ("an event", || {
            info_span!("work").add_event("called", vec![KeyValue::new("header", TOKEN)]);
        }),
        ("a log record", || tracing::info!(api_key = "abc", "called")),
        ("a message", || tracing::info!("called with {TOKEN}")),
    ];
    for (place, hide) in hidden {
        assert_eq!(violated(hide), Some((Rule::AttributeLooksLikeSecret, 1)), "{place}");
    }
    assert_eq!(violated(|| drop(info_span!("work", password = "REDACTED", user = "alice"))), None);
}

#[test]
fn a_report_never_holds_a_secret() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("audited");
    within(&telemetry, || drop(info_span!("work", password = "hunter2", note = "Bearer abcdEFGH1234ijkl")));
    let report = sink.audit();
    assert_eq!(report.count(Rule::AttributeLooksLikeSecret), 2);
    let told = format!("{report}{report:?}");
    assert!(told.contains("`password` holds"), "{told}");
    assert!(!told.contains("hunter2") && !told.contains("abcdEFGH"), "{told}");
}

#[test]
fn a_request_needs_its_route() {
    let request = |method: &str, status: i64, route: bool| {
        violated(move || {
            let span = info_span!("GET", otel.kind = "server", http.response.status_code = status);
            if !method.is_empty() {
                span.set_attribute("http.request.method", method.to_owned());
            }
            if route {
                span.set_attribute("http.route", "/users");
            }
        })
    };
    assert_eq!(request("GET", 200, false), Some((Rule::ServerSpanWithoutRoute, 1)));
    assert_eq!(request("GET", 200, true), None);
    assert_eq!(request("GET", 404, false), None, "nothing was routed");
    assert_eq!(request("", 0, false), None, "not every server speaks HTTP");
}

#[test]
fn a_name_must_not_hold_an_identifier() {
    let named = |name: &'static str| violated(move || info_span!("work").rename(name));
    assert_eq!(named("GET /users/42"), Some((Rule::SpanNameWithId, 1)));
    assert_eq!(named("GET /api/v1/users/{id}"), None);
}

#[test]
fn a_span_must_end_some_day() {
    let sink = Sink::start();
    let builder = sink.builder("audited").audit_span_limit(Duration::from_millis(1));
    let telemetry = builder.start().unwrap();
    sink.attach(&telemetry);
    within(&telemetry, || {
        let long = info_span!("long");
        std::thread::sleep(Duration::from_millis(2)); // sleeps: the span has to last
        drop(long);
        drop(info_span!("short"));
    });
    assert_eq!(sink.spans().len(), 2);
    let report = telemetry.audit();
    assert_eq!(report.count(Rule::SpanOpenTooLong), 1, "{report}");
    assert_eq!(report.of(Rule::SpanOpenTooLong).next().unwrap().subject, "long");
}

#[test]
fn violations_are_counted_in_a_metric() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("audited");
    within(&telemetry, || {
        for _ in 0..3 {
            drop(info_span!("GET /users/42"));
        }
    });
    assert_eq!(sink.spans().len(), 3);
    let metric = sink.metric_where("throughline.audit.violations", |m| m.points()[0].value() > 2.0);
    assert_eq!(metric.point([("rule", "span_name_with_id")]).value(), 3.0);
    assert_eq!(metric.unit(), "{violation}");
}

#[test]
fn violations_of_other_processes_come_from_their_metric() {
    let sink = Sink::start();
    // Not attached: as if it were in another process.
    let telemetry = sink.builder("elsewhere").start().unwrap();
    within(&telemetry, || info_span!("work").in_scope(|| drop(fault().observed())));
    sink.metric_where("throughline.audit.violations", |metric| !metric.points().is_empty());
    let report = sink.audit();
    assert_eq!(report.count(Rule::ErrorReturnedWithoutStatus), 1, "{report}");
    assert_eq!(report.violations[0].subject, "elsewhere");
}

#[test]
fn a_clean_service_passes_and_another_is_told_why_it_fails() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("audited");
    within(&telemetry, || drop(info_span!("clean")));
    sink.audit().assert_clean();
    within(&telemetry, || drop(info_span!("load 12345")));
    let report = sink.audit();
    let fault = std::panic::catch_unwind(move || report.assert_clean()).unwrap_err();
    let message = fault.downcast::<String>().unwrap();
    assert!(message.contains("1 x span_name_with_id  load 12345  `12345` looks like"), "{message}");
}

#[test]
fn the_audit_can_be_turned_off() {
    let sink = Sink::start();
    let telemetry = sink.builder("audited").audit(false).start().unwrap();
    sink.attach(&telemetry);
    within(&telemetry, || drop(info_span!("load 12345", password = "hunter2")));
    sink.trace_of("load 12345").root().has("password", "hunter2");
    assert!(telemetry.audit().is_clean());
    assert!(sink.metrics().iter().all(|metric| metric.name() != "throughline.audit.violations"));
}

#[test]
fn redaction_replaces_secrets_everywhere_before_they_leave() {
    let lines = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let sink = Sink::start();
    let written = std::sync::Arc::clone(&lines);
    let telemetry = Telemetry::builder()
        .environment(Environment::from_pairs(sink.variables()))
        .redact_secrets(true)
        .log_to(move |line| written.lock().unwrap().push_str(line))
        .start()
        .unwrap();
    sink.attach(&telemetry);
    within(&telemetry, || {
        let work = info_span!("work", password = "hunter2", user = "alice");
        work.set_status(SpanStatus::Error("no postgres://ledger:hunter2@db".to_owned()));
        work.set_attribute("error.type", "connect");
        work.add_event("called", vec![KeyValue::new("header", "Bearer abcdEFGH1234ijkl")]);
        work.in_scope(|| tracing::warn!(api_key = "abc123", "sent Bearer abcdEFGH1234ijkl twice"));
    });
    let trace = sink.trace_of("work");
    let span = trace.span("work").has("password", "REDACTED").has("user", "alice");
    span.clone().failed_saying("no postgres://ledger:REDACTED@db");
    assert_eq!(span.events().next().unwrap().attribute("header").unwrap(), "REDACTED");
    let log = sink.log("sent REDACTED twice");
    log.has("api_key", "REDACTED");
    let lines = lines.lock().unwrap();
    assert!(lines.contains("sent REDACTED twice") && !lines.contains("abc123"), "{lines}");
    assert_eq!(telemetry.audit().count(Rule::AttributeLooksLikeSecret), 3, "what was redacted is told too");
}
