//! What a `tracing` span becomes.

use opentelemetry::KeyValue;
use throughline_toolkit::propagation::{self, SpanId, TraceContext, TraceId};
use throughline_toolkit::{RecordError, SpanExt, SpanKind, SpanStatus};
use tracing::Span;

use crate::collector::{Collector, Mode, attribute};
use crate::{LIMIT, telemetry, within};

#[derive(Debug, thiserror::Error)]
#[error("account {0} is closed")]
struct Closed(u32);

#[derive(Debug, thiserror::Error)]
#[error("cannot book")]
struct Booking(#[source] Closed);

fn run(variables: &[(&str, &str)], f: impl FnOnce()) -> Collector {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, variables);
    within(&telemetry, f);
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.complete, "{report}");
    collector
}

#[test]
fn keeps_names_kinds_types_and_parents() {
    let collector = run(&[], || {
        let parent =
            tracing::info_span!("parent", otel.kind = "producer", text = "a", late = tracing::field::Empty);
        let _entered = parent.enter();
        parent.record("late", 7);
        let child = tracing::info_span!("child", otel.name = "renamed", n = 5u64, share = 0.5, ok = true, big = u64::MAX, debug = ?Some(1));
        let list: Vec<opentelemetry::StringValue> = vec!["x".into()];
        child.set_attribute("list", opentelemetry::Value::Array(list.into()));
        child.add_event("cache_miss", vec![KeyValue::new("key", "k1")]);
        child.set_status(SpanStatus::Ok);
    });
    let (parent, child) = (collector.span("parent"), collector.span("renamed"));
    assert_eq!((parent.kind, child.kind), (4, 1));
    assert_eq!(child.parent_span_id, parent.span_id);
    assert_eq!(child.trace_id, parent.trace_id);
    assert!(parent.parent_span_id.is_empty());
    assert_eq!(attribute(&parent.attributes, "text").as_deref(), Some("a"));
    assert_eq!(attribute(&parent.attributes, "late").as_deref(), Some("7"));
    for (key, value) in [
        ("n", "5"),
        ("share", "0.5"),
        ("ok", "true"),
        ("big", "18446744073709551615"),
        ("debug", "Some(1)"),
        ("list", "[\"x\"]"),
    ] {
        assert_eq!(attribute(&child.attributes, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(child.events[0].name, "cache_miss");
    assert_eq!(child.status.unwrap().code, 1);
    assert!(parent.start_time_unix_nano <= child.start_time_unix_nano);
    assert!(child.end_time_unix_nano <= parent.end_time_unix_nano);
    assert_eq!(collector.received().scopes[0], "it::spans");
}

#[test]
fn continues_a_remote_trace_and_links() {
    let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), true);
    let collector = run(&[], || {
        let span = remote.in_scope(|| tracing::info_span!("consumer"));
        span.add_link(&TraceContext::remote(TraceId::from(1), SpanId::from(2), true));
        let _entered = span.enter();
        let context = TraceContext::current();
        assert_eq!(context.trace_id(), remote.trace_id());
        let mut carrier = std::collections::HashMap::new();
        propagation::inject(&context, &mut carrier);
        assert!(carrier["traceparent"].contains(&context.span_id().to_string()));
    });
    let span = collector.span("consumer");
    assert_eq!(span.trace_id, remote.trace_id().to_bytes());
    assert_eq!(span.parent_span_id, remote.span_id().to_bytes());
    assert_eq!(span.flags, 0x301);
    assert_eq!(span.links[0].span_id, SpanId::from(2).to_bytes());
}

#[test]
fn a_span_entered_inside_a_scope_becomes_the_parent_of_its_children() {
    let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), true);
    let collector = run(&[], || {
        remote.in_scope(|| {
            let outer = tracing::info_span!("outer");
            let _entered = outer.enter();
            drop(tracing::info_span!("inner"));
        });
        drop(tracing::info_span!("apart"));
    });
    assert_eq!(collector.span("inner").parent_span_id, collector.span("outer").span_id);
    assert!(collector.span("apart").parent_span_id.is_empty());
}

#[test]
fn follows_an_unsampled_caller_and_keeps_its_context() {
    let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), false);
    let collector = run(&[], || {
        let span = remote.in_scope(|| tracing::info_span!("server"));
        let _entered = span.enter();
        assert!(tracing::info_span!("child").is_disabled(), "children of unsampled spans are not made");
        assert_eq!(Span::current().context().trace_id(), remote.trace_id());
        assert_ne!(Span::current().context().span_id(), remote.span_id());
        assert!(!TraceContext::current().is_sampled());
        drop(_entered);
        drop(tracing::info_span!("new root"));
    });
    assert_eq!(collector.spans().len(), 1);
    collector.span("new root");
}

#[test]
fn records_an_exception_once_and_marks_every_span_it_passes() {
    let collector = run(&[], || {
        let outer = tracing::info_span!("outer");
        let _outer = outer.enter();
        let inner = tracing::info_span!("inner").in_scope(|| Err::<(), _>(Closed(7)).record_error());
        let outcome = inner.map_err(Booking).record_error_as("booking");
        assert!(outcome.is_err());
    });
    let (outer, inner) = (collector.span("outer"), collector.span("inner"));
    assert_eq!((inner.events.len(), outer.events.len()), (1, 0));
    let exception = &inner.events[0];
    assert_eq!(exception.name, "exception");
    assert_eq!(attribute(&exception.attributes, "exception.message").as_deref(), Some("account 7 is closed"));
    assert_eq!(attribute(&exception.attributes, "exception.type").as_deref(), Some("it::spans::Closed"));
    assert_eq!(attribute(&outer.attributes, "error.type").as_deref(), Some("booking"));
    let (outer, inner) = (outer.status.unwrap(), inner.status.unwrap());
    assert_eq!((outer.code, inner.code), (2, 2));
    assert_eq!(outer.message, "cannot book: account 7 is closed");
}

#[test]
fn records_boxed_errors() {
    let collector = run(&[], || {
        let span = tracing::info_span!("boxed");
        let _entered = span.enter();
        let error: Box<dyn std::error::Error + Send + Sync> = "plain text".into();
        drop(Err::<(), _>(error).record_error());
    });
    assert_eq!(collector.span("boxed").status.unwrap().message, "plain text");
}

#[tracing::instrument(err)]
fn instrumented() -> Result<(), Closed> {
    Err(Closed(3))
}

#[test]
fn an_error_event_marks_its_span() {
    let collector = run(&[], || drop(instrumented()));
    let span = collector.span("instrumented");
    assert_eq!(span.status.unwrap().message, "account 3 is closed");
    assert_eq!(span.events.len(), 1);
    assert_eq!(attribute(&span.attributes, "error.type").as_deref(), Some("_OTHER"));
}

#[test]
fn exceptions_go_where_the_opt_in_says() {
    for (value, events, logs) in [("logs", 0, 1), ("logs/dup", 1, 1)] {
        let collector = run(&[("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", value)], || {
            let span = tracing::info_span!("failing");
            let _entered = span.enter();
            drop(Err::<(), _>(Closed(1)).record_error());
        });
        let span = collector.span("failing");
        let records = collector.received().logs.clone();
        assert_eq!((span.events.len(), records.len()), (events, logs), "{value}");
        assert_eq!(records[0].event_name, "exception");
        assert_eq!(records[0].span_id, span.span_id);
    }
}

#[test]
fn limits_cut_attributes_events_and_links() {
    let variables = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "1"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1"),
    ];
    let collector = run(&variables, || {
        let span = tracing::info_span!("limited", a = "abcdef", b = 1, c = 2);
        let other = TraceContext::remote(TraceId::from(1), SpanId::from(2), true);
        for _ in 0..3 {
            span.add_event("e", vec![KeyValue::new("x", 1), KeyValue::new("y", 2)]);
            span.add_link(&other);
        }
    });
    let span = collector.span("limited");
    assert_eq!(attribute(&span.attributes, "a").as_deref(), Some("abc"));
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (2, 1));
    assert_eq!((span.events.len(), span.dropped_events_count), (1, 2));
    assert_eq!((span.links.len(), span.dropped_links_count), (1, 2));
    assert_eq!((span.events[0].attributes.len(), span.events[0].dropped_attributes_count), (1, 1));
}

#[test]
fn a_parent_set_late_replaces_the_trace() {
    let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), true);
    let collector = run(&[], || {
        let span = tracing::info_span!("late");
        span.set_parent(&remote);
        span.set_kind(SpanKind::Consumer);
        let _entered = span.enter();
        drop(tracing::info_span!("below"));
    });
    let (late, below) = (collector.span("late"), collector.span("below"));
    assert_eq!(late.trace_id, remote.trace_id().to_bytes());
    assert_eq!(late.parent_span_id, remote.span_id().to_bytes());
    assert_eq!((below.trace_id, late.kind), (late.trace_id, 5));
}

#[test]
fn baggage_reaches_spans_below() {
    run(&[], || {
        let context = TraceContext::default().with_baggage("tenant", "acme");
        let span = context.in_scope(|| tracing::info_span!("outer"));
        let _outer = span.enter();
        let inner = tracing::info_span!("inner");
        let _inner = inner.enter();
        assert_eq!(TraceContext::current().baggage("tenant"), Some("acme"));
    });
}

#[test]
fn disabled_passes_contexts_through_and_sends_nothing() {
    for variable in
        [("OTEL_SDK_DISABLED", "true"), ("TRACING_ENABLED", "false"), ("OTEL_TRACES_EXPORTER", "none")]
    {
        let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), true);
        let collector = run(&[variable], || {
            let span = remote.in_scope(|| tracing::info_span!("server"));
            let _entered = span.enter();
            assert_eq!(TraceContext::current(), remote);
            drop(tracing::info_span!("child"));
        });
        assert_eq!(collector.received().requests, 0, "{variable:?}");
    }
}

#[test]
fn open_spans_are_reported() {
    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let open = within(&telemetry, || tracing::info_span!("open"));
    let report = telemetry.shutdown_blocking(LIMIT);
    assert_eq!((report.open_spans, report.spans.recorded), (1, 0));
    drop(open);
}

#[test]
fn spans_of_the_opentelemetry_api_nest_with_those_of_tracing() {
    use opentelemetry::Context;
    use opentelemetry::trace::{Span as _, TraceContextExt, Tracer, TracerProvider};

    let collector = Collector::start(Mode::Works);
    let telemetry = telemetry(&collector.address, &[]);
    let tracer = telemetry.tracer_provider().tracer("library");
    within(&telemetry, || {
        let a = tracing::info_span!("a");
        let _a = a.enter();
        let mut b = tracer.start("b");
        b.set_attribute(KeyValue::new("n", 1));
        let _b = Context::current_with_span(b).attach();
        tracing::info!("inside b");
        let c = tracing::info_span!("c");
        let _c = c.enter();
        let d = tracer.start("d");
        let _d = Context::current_with_span(d).attach();
        drop(tracing::info_span!("e"));
    });
    let report = telemetry.shutdown_blocking(LIMIT);
    assert!(report.is_lossless() && report.open_spans == 0, "{report}");
    for (child, parent) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")] {
        assert_eq!(collector.span(child).parent_span_id, collector.span(parent).span_id, "{child}");
    }
    let b = collector.span("b");
    assert_eq!(attribute(&b.attributes, "n").as_deref(), Some("1"));
    assert_eq!(collector.received().logs[0].span_id, b.span_id);
}

#[test]
fn a_scope_ends_also_when_spans_around_it_ended_meanwhile() {
    let remote = TraceContext::remote(TraceId::from(0xaa), SpanId::from(0xbb), true);
    let collector = run(&[], || {
        let outer = tracing::info_span!("outer").entered();
        remote.in_scope(|| drop(outer));
        drop(tracing::info_span!("apart"));
    });
    assert!(collector.span("apart").parent_span_id.is_empty());
}
