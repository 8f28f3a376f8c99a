use opentelemetry::trace::{SpanId, TraceId};

use super::*;

fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, *value);
    }
    headers
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn context() -> TraceContext {
    TraceContext::remote(TraceId::from(7), SpanId::from(8), true)
}

#[test]
fn round_trips_context_and_baggage() {
    let mut headers = HeaderMap::new();
    inject(&context().with_baggage("user", "ala ma\r\nkota"), &mut headers);
    assert_eq!(names(&headers), ["baggage", "traceparent"]);
    let read = extract(&headers);
    assert_eq!((read.trace_id(), read.span_id()), (TraceId::from(7), SpanId::from(8)));
    assert_eq!(read.baggage("user"), Some("ala ma\r\nkota"));
}

#[test]
fn reads_names_that_another_client_capitalised() {
    let read = extract(&map(&[("Traceparent", PARENT), ("Tracestate", "a=1")]));
    assert_eq!(read.span_id(), SpanId::from(0xb7ad_6b71_6920_3331));
    assert_eq!(read.trace_state(), "a=1");
}

#[test]
fn prefers_the_exact_name() {
    let other = PARENT.replace("b7ad", "0000");
    for pairs in [
        [("Traceparent", other.as_str()), ("traceparent", PARENT)],
        [("traceparent", PARENT), ("TRACEPARENT", other.as_str())],
    ] {
        assert_eq!(extract(&map(&pairs)).span_id(), SpanId::from(0xb7ad_6b71_6920_3331));
    }
}

#[test]
fn takes_no_context_from_two_parents() {
    assert!(!extract(&map(&[("traceparent", PARENT), ("traceparent", PARENT)])).is_valid());
}

#[test]
fn replaces_the_context_of_another_message_whole() {
    let mut headers = map(&[("Traceparent", PARENT), ("tracestate", "a=1"), ("X-A", "1"), ("X-A", "2")]);
    inject(&context(), &mut headers);
    assert_eq!(names(&headers), ["X-A", "traceparent"]);
    assert_eq!(extract(&headers).span_id(), SpanId::from(8));
    assert_eq!(headers.get_all("X-A").count(), 2);
}

#[test]
fn an_invalid_context_passes_on_what_is_there() {
    let mut headers = map(&[("traceparent", PARENT), ("tracestate", "a=1")]);
    inject(&TraceContext::default(), &mut headers);
    assert_eq!(names(&headers), ["traceparent", "tracestate"]);
}

#[test]
fn a_value_that_would_break_the_protocol_is_not_written() {
    let mut headers = HeaderMap::new();
    HeaderCarrier(&mut headers).set("x", "a\r\nb".to_owned());
    HeaderCarrier(&mut headers).set("bad name", "a".to_owned());
    assert!(headers.is_empty());
}

#[test]
fn the_server_tracing_of_another_message_never_travels_on() {
    let received = map(&[("Nats-Trace-Dest", "trace disabled"), ("nats-trace-hop", "1"), ("X-A", "1")]);
    let sent = outgoing(Some(received), &context(), None).unwrap();
    assert_eq!(names(&sent), ["X-A", "traceparent"]);
}

#[test]
fn asks_for_server_tracing_on_demand() {
    let received = map(&[("Nats-Trace-Dest", "trace disabled"), ("Nats-Trace-Only", "1")]);
    let dest = "trace.events".parse().unwrap();
    let sent = outgoing(Some(received), &TraceContext::default(), Some(&dest)).unwrap();
    assert_eq!(names(&sent), ["Nats-Trace-Dest", "Nats-Trace-Only"]);
    assert_eq!(sent.get(TRACE_DEST), Some(&dest));
}

#[test]
fn no_headers_stay_none() {
    assert!(outgoing(None, &TraceContext::default(), None).is_none());
}

#[test]
fn forwards_what_is_the_applications() {
    let received = map(&[
        ("Nats-Msg-Id", "1"),
        ("Nats-Expected-Last-Sequence", "4"),
        ("Nats-Rollup", "sub"),
        ("Nats-TTL", "1s"),
        ("Nats-Stream", "CHAT"),
        ("Nats-Trace-Dest", "trace disabled"),
        ("Nats-Service-Error", "no such room"),
        ("traceparent", PARENT),
        ("b3", "0"),
        ("Baggage", "a=1"),
        ("X-Tenant", "blue"),
        ("Content-Type", "application/json"),
    ]);
    let kept = forwarded_headers(&received);
    assert_eq!(names(&kept), ["Content-Type", "Nats-Service-Error", "X-Tenant"]);
}
