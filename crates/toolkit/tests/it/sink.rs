//! The sink that users' tests get, and the claims they make on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use opentelemetry::KeyValue;
use throughline_toolkit::testing::{Behaviour, Shown, Sink};
use throughline_toolkit::{RecordError, SpanExt, Telemetry};
use tracing::info_span;

use crate::{LIMIT, within};

/// One trace over two services: a request, a message and what handles it.
fn transfer(sink: &Sink) -> (Telemetry, Telemetry) {
    let (front, back) = (sink.telemetry("orchestrator"), sink.telemetry("readmodel"));
    let message = within(&front, || {
        let _request = info_span!("POST /v1/transfers", otel.kind = "server").entered();
        info_span!("create entry", otel.kind = "producer").in_scope(|| {
            tracing::warn!(n = 5, "late");
            tracing::Span::current().context()
        })
    });
    within(&back, || {
        let span = message.in_scope(|| info_span!("process entry", otel.kind = "consumer", offset = 0));
        span.add_link(&message);
        let _process = span.entered();
        drop(info_span!("UPSERT", otel.kind = "client"));
    });
    (front, back)
}

/// What the failing claim says.
fn failure<R>(claim: impl FnOnce() -> R) -> String {
    let Err(fault) = catch_unwind(AssertUnwindSafe(claim)) else { panic!("the claim holds") };
    *fault.downcast::<String>().expect("a message")
}

#[test]
fn claims_about_a_trace_read_like_sentences() {
    let sink = Sink::start();
    let _senders = transfer(&sink);
    let trace = sink.trace_of("POST /v1/transfers");
    trace
        .span("process entry")
        .is_consumer()
        .in_service("readmodel")
        .child_of("create entry")
        .below("POST /v1/transfers")
        .linked_to("create entry")
        .has_links(1)
        .has("offset", 0)
        .has_no("error.type")
        .ended_ok();
    trace.root().is_server().is_root();
    trace.has_spans(4).has_no_orphans().has_no_errors().services(["readmodel", "orchestrator"]).reads(
        "
        POST /v1/transfers [server orchestrator]
          create entry [producer]
            process entry [consumer readmodel]
              UPSERT [client]
        ",
    );
    trace.reads_with(
        |shown| shown.links().attribute("offset"),
        "
        POST /v1/transfers [server orchestrator]
          create entry [producer]
            process entry [consumer readmodel] offset=0 -> create entry
              UPSERT [client]
        ",
    );
    assert_eq!(sink.traces().len(), 1);
    let late = sink.log("late");
    late.is_at("WARN").has("n", 5).belongs_to(&trace).inside(&trace.span("create entry"));
}

#[test]
fn a_claim_that_does_not_hold_shows_the_whole_trace() {
    let sink = Sink::start().waiting_at_most(Duration::from_millis(100));
    let _senders = transfer(&sink);
    let trace = sink.trace_of("UPSERT");
    let message = failure(|| trace.span("process entry").has("offset", 1));
    assert!(message.contains("\"process entry\" has offset = Int(0), not Int(1)"), "{message}");
    assert!(message.contains("\n      UPSERT [client]"), "{message}");
    for (claim, why) in [
        (failure(|| trace.span("nobody")), "no span is called \"nobody\""),
        (failure(|| trace.span("UPSERT").is_server()), "is Client, not Server"),
        (failure(|| trace.span("UPSERT").child_of("create entry")), "is a child of \"process entry\""),
        (failure(|| trace.span("UPSERT").linked_to("create entry")), "is not linked to"),
        (failure(|| trace.span("UPSERT").below("UPSERT")), "is not below \"UPSERT\""),
        (failure(|| trace.span("UPSERT").failed()), "did not fail"),
        (failure(|| trace.services(["readmodel"])), "the services are"),
        (failure(|| trace.has_spans(3)), "4 spans, not 3"),
        (failure(|| sink.trace_of("nobody")), "no trace has a span \"nobody\""),
    ] {
        assert!(claim.contains(why), "{why}: {claim}");
        assert!(claim.contains("  create entry [producer] "), "{why}: {claim}");
    }
}

#[test]
fn a_picture_that_differs_is_shown_as_a_difference() {
    let sink = Sink::start().waiting_at_most(Duration::from_millis(50));
    let _senders = transfer(&sink);
    let trace = sink.trace_of("UPSERT");
    let message = failure(|| {
        trace.reads(
            "
            POST /v1/transfers [server orchestrator]
              create entry [producer]
                process entry [consumer]
                  UPSERT [client]
            ",
        );
    });
    assert!(
        message.contains(
            "    create entry [producer]
-     process entry [consumer]
+     process entry [consumer readmodel]
        UPSERT [client]"
        ),
        "{message}"
    );
}

#[test]
fn orphans_and_errors_are_found() {
    let sink = Sink::start().waiting_at_most(Duration::from_millis(50));
    let telemetry = sink.telemetry("ledger");
    let _never_ends = within(&telemetry, || {
        let open = info_span!("never ends");
        open.in_scope(|| {
            let _work = info_span!("work").entered();
            drop(Err::<(), _>(std::io::Error::other("disk")).record_error_as("disk_full"));
        });
        open
    });
    let trace = sink.trace_of("work");
    trace
        .span("work")
        .failed_with("disk_full")
        .failed_saying("disk")
        .has_exception("disk")
        .has_event("exception");
    assert!(failure(|| trace.has_no_orphans()).contains("orphans: [\"work\"]"));
    assert!(failure(|| trace.has_no_errors()).contains("these spans failed: [\"work\"]"));
    assert_eq!(trace.shown().to_string(), "work [ledger] error (its parent has not arrived)\n");
}

#[test]
fn waits_for_spans_that_end_later() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let trace_id = within(&telemetry, || info_span!("first").context().trace_id());
    let background = std::thread::spawn({
        let dispatch = telemetry.dispatch().clone();
        let first = sink.trace_of("first").span("first").context();
        move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let second = first.in_scope(|| info_span!("second"));
                std::thread::sleep(Duration::from_millis(120)); // sleeps: the test waits meanwhile
                drop(second);
            });
        }
    });
    sink.trace(trace_id).span("second").child_of("first");
    background.join().unwrap();
    sink.wait_for(|spans| spans.len() == 2, LIMIT);
    assert!(
        failure(|| sink.wait_for(|spans| spans.len() == 3, Duration::from_millis(20))).contains("2 spans")
    );
}

#[tokio::test]
async fn tasks_go_on_while_a_test_awaits() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let (go, going) = tokio::sync::oneshot::channel::<()>();
    let dispatch = telemetry.dispatch().clone();
    let task = tokio::spawn(async move {
        going.await.unwrap();
        tracing::dispatcher::with_default(&dispatch, || drop(info_span!("in the background")));
    });
    go.send(()).unwrap();
    sink.until(|spans| spans.iter().any(|span| span.name() == "in the background"), LIMIT).await;
    task.await.unwrap();
    sink.trace_of("in the background").root().in_service("ledger");
}

#[test]
fn metrics_are_found_by_their_labels() {
    let sink = Sink::start();
    let telemetry = sink.telemetry("ledger");
    let latency = telemetry.duration_histogram("latency", "How long it takes.");
    let orders = telemetry.meter("test").u64_counter("orders").with_unit("{order}").build();
    within(&telemetry, || {
        let _work = info_span!("work").entered();
        latency.record(Duration::from_millis(3), &[KeyValue::new("route", "/a")]);
        latency.record(Duration::from_millis(30), &[KeyValue::new("route", "/b")]);
        orders.add(2, &[KeyValue::new("ok", true)]);
    });
    let point = sink.metric("latency").point([("route", "/a")]);
    assert_eq!((point.count(), point.sum(), point.service()), (1, 0.003, "ledger"));
    assert_eq!(point.buckets()[1], (0.005, 1));
    let trace = sink.trace_of("work");
    let exemplar = point.exemplar_of(&trace);
    assert_eq!((exemplar.value(), exemplar.span_id()), (0.003, trace.span("work").span_id()));
    assert_eq!(sink.metric("orders").unit(), "{order}");
    assert_eq!(sink.metric("orders").point([("ok", "true")]).value(), 2.0);
    orders.add(1, &[KeyValue::new("ok", true)]);
    let orders = sink.metric_where("orders", |metric| metric.point([]).value() > 2.0);
    assert_eq!(orders.point([]).value(), 3.0);
    assert!(failure(|| sink.metric("latency").point([])).contains("several points"));
    assert!(failure(|| sink.metric("latency").point([("route", "/c")])).contains("no point"));
}

#[test]
fn misbehaviour_can_change_while_it_runs() {
    let sink = Sink::start_with(Behaviour::Status(503));
    let telemetry = sink.telemetry("ledger");
    within(&telemetry, || drop(info_span!("work")));
    crate::collector::eventually("a refused request", || !sink.requests().is_empty());
    assert!(sink.spans().is_empty());
    sink.behave(Behaviour::Delays(Duration::from_millis(1)));
    sink.trace_of("work").root().in_service("ledger");
}

#[test]
fn what_is_no_otlp_is_refused_and_told() {
    let sink = Sink::start().waiting_at_most(Duration::from_millis(20));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let answer = client.post(format!("{}/v1/traces", sink.endpoint())).body("nonsense").send().await;
        assert_eq!(answer.unwrap().status(), 400);
    });
    assert!(failure(|| sink.trace_of("work")).contains("no OTLP"));
}

#[test]
fn several_traces_are_drawn_one_below_the_other() {
    let sink = Sink::start().waiting_at_most(Duration::from_millis(100));
    let telemetry = sink.telemetry("ledger");
    within(&telemetry, || {
        for _ in 0..2 {
            let _work = info_span!("work", n = 1).entered();
            info_span!("part").add_event("cache_miss", vec![]);
        }
    });
    Shown::of(&sink.spans()).events().reads(
        "
        work [ledger]
          part !cache_miss
        work [ledger]
          part !cache_miss
        ",
    );
    assert!(failure(|| sink.trace_of("work")).contains("2 traces have a span \"work\""));
    let several = failure(|| sink.traces()[0].span("other"));
    assert!(several.contains("no span is called"), "{several}");
}
