//! Claims about the wire formats.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue};

use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (key, value) in pairs {
        map.append(*key, HeaderValue::from_static(value));
    }
    map
}

fn read(pairs: &[(&'static str, &'static str)]) -> TraceContext {
    extract_headers(&headers(pairs))
}

#[test]
fn reads_and_writes_traceparent_unaltered() {
    let context = read(&[("traceparent", PARENT), ("tracestate", "a=1, b@x=2 ,, c=3")]);
    assert!(context.is_valid() && context.is_sampled() && context.is_remote());
    let mut out = HeaderMap::new();
    inject_headers(&context, &mut out);
    assert_eq!(out.get("traceparent").unwrap(), PARENT);
    assert_eq!(out.get("tracestate").unwrap(), "a=1,b@x=2,c=3");
}

#[test]
fn rejects_malformed_traceparent() {
    for bad in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.x",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
        "0.-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-.0",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    ] {
        let mut map = HashMap::new();
        map.insert("traceparent".to_owned(), bad.to_owned());
        assert!(!extract(&map).is_valid(), "{bad}");
    }
}

#[test]
fn accepts_a_later_version_with_more_fields() {
    let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-ever";
    assert!(read(&[("traceparent", later)]).is_valid());
}

#[test]
fn rejects_two_traceparent_headers() {
    assert!(!read(&[("traceparent", PARENT), ("traceparent", PARENT)]).is_valid());
}

#[test]
fn joins_tracestate_headers_in_order() {
    let context = read(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2,c=3")]);
    assert_eq!(context.trace_state(), "a=1,b=2,c=3");
}

#[test]
fn discards_tracestate_with_any_invalid_member() {
    for bad in ["foo =1", "FOO=1", "foo.bar=1,ok=1", "@foo=1,bar=2", "foo=", "foo=bar=baz", "=1"] {
        let mut map = HashMap::new();
        map.insert("traceparent".to_owned(), PARENT.to_owned());
        map.insert("tracestate".to_owned(), bad.to_owned());
        let context = extract(&map);
        assert!(context.is_valid() && context.trace_state().is_empty(), "{bad}");
    }
}

#[test]
fn discards_tracestate_of_33_members() {
    let member = |n: usize| (0..n).map(|i| format!("k{i}=1")).collect::<Vec<_>>().join(",");
    for (n, kept) in [(32, true), (33, false)] {
        let mut map = HashMap::new();
        map.insert("traceparent".to_owned(), PARENT.to_owned());
        map.insert("tracestate".to_owned(), member(n));
        assert_eq!(!extract(&map).trace_state().is_empty(), kept, "{n}");
    }
}

#[test]
fn passes_the_random_flag_on_and_drops_unknown_flags() {
    let context = read(&[("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe")]);
    assert_eq!(context.flags, 2);
}

#[test]
fn carries_baggage_without_a_trace() {
    let context = read(&[("baggage", "user=al%20ice;ttl=3, room = a%2Cb ,bad key=1")]);
    assert!(!context.is_valid());
    assert_eq!(context.baggage("user"), Some("al ice"));
    assert_eq!(context.baggage("room"), Some("a,b"));
    assert_eq!(context.baggage_entries().count(), 2);
    let mut out = HeaderMap::new();
    inject_headers(&context.with_baggage("n", "1"), &mut out);
    assert_eq!(out.get("baggage").unwrap(), "user=al%20ice;ttl=3,room=a%2cb,n=1");
    assert!(out.get("traceparent").is_none());
}

#[test]
fn bounds_baggage() {
    let mut context = TraceContext::default();
    for n in 0..100 {
        context = context.with_baggage(format!("k{n}"), "v".repeat(500));
    }
    let mut out = HeaderMap::new();
    inject_headers(&context, &mut out);
    assert_eq!(context.baggage_entries().count(), 64);
    assert!(out.get("baggage").unwrap().len() <= 8192);
}

#[test]
fn each_propagator_reads_what_it_writes() {
    let context = TraceContext::remote(TraceId::from(77), SpanId::from(88), true);
    for name in ["tracecontext", "b3", "b3multi", "jaeger"] {
        let list = [Propagator::parse(name).unwrap()];
        let mut map = HashMap::new();
        inject_with(&list, &context, &mut map);
        assert_eq!(extract_with(&list, &map), context, "{name}: {map:?}");
    }
    assert_eq!(Propagator::parse("xray"), None);
}
