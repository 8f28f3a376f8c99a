use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

type List = Vec<(String, Option<Vec<u8>>)>;

fn headers(list: &[(&str, Option<&[u8]>)]) -> List {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.map(<[u8]>::to_vec))).collect()
}

fn span_id(list: &[(&str, Option<&[u8]>)]) -> String {
    extract(&headers(list)).span_id().to_string()
}

#[test]
fn the_last_of_several_contexts_counts() {
    let list =
        [("traceparent", Some(OTHER.as_bytes())), ("x", None), ("traceparent", Some(PARENT.as_bytes()))];
    assert_eq!(span_id(&list), "b7ad6b7169203331");
}

#[test]
fn what_is_no_text_is_as_good_as_absent() {
    let nothing = "0000000000000000";
    assert_eq!(span_id(&[("traceparent", Some(b"\xff\xfe"))]), nothing);
    assert_eq!(span_id(&[("traceparent", None)]), nothing);
    assert_eq!(span_id(&[("traceparent", Some(b""))]), nothing);
    let list = [("traceparent", Some(PARENT.as_bytes())), ("traceparent", Some(&b"\xff"[..]))];
    assert_eq!(span_id(&list), "b7ad6b7169203331", "the one before is still there");
}

#[test]
fn a_broken_context_leaves_the_baggage() {
    let list = [("traceparent", Some(&b"00-nonsense"[..])), ("baggage", Some(b"room=7"))];
    let context = extract(&headers(&list));
    assert!(!context.is_valid());
    assert_eq!(context.baggage("room"), Some("7"));
}

#[test]
fn context_comes_back_as_it_went_in() {
    let list = [("traceparent", Some(PARENT.as_bytes())), ("tracestate", Some(b"a=1,b=2"))];
    let context = extract(&headers(&list)).with_baggage("user", "alice smith");
    let mut carrier = List::new();
    inject(&context, &mut carrier);
    let names: Vec<_> = carrier.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["traceparent", "tracestate", "baggage"]);
    assert_eq!(carrier[0].1.as_deref(), Some(PARENT.as_bytes()));
    assert_eq!(extract(&carrier), context);
}

#[test]
fn a_new_context_replaces_all_of_the_old_one_and_nothing_else() {
    let context = extract(&headers(&[("traceparent", Some(PARENT.as_bytes()))]));
    let mut carrier = headers(&[
        ("event-type", Some(b"placed")),
        ("traceparent", Some(OTHER.as_bytes())),
        ("tracestate", Some(b"stale=1")),
        ("baggage", Some(b"room=7")),
        ("nothing", None),
        ("bytes", Some(b"\xff\x00")),
    ]);
    inject(&context, &mut carrier);
    let expected = [
        ("event-type", Some(&b"placed"[..])),
        ("baggage", Some(b"room=7")),
        ("nothing", None),
        ("bytes", Some(b"\xff\x00")),
        ("traceparent", Some(PARENT.as_bytes())),
    ];
    assert_eq!(carrier, headers(&expected));
    inject(&context.with_baggage("room", "8"), &mut carrier);
    assert_eq!(extract(&carrier).baggage("room"), Some("8"));
    assert_eq!(carrier.iter().filter(|(name, _)| name == "baggage").count(), 1);
}

#[test]
fn no_context_leaves_what_is_there() {
    let before = headers(&[("traceparent", Some(PARENT.as_bytes())), ("x", Some(b"y"))]);
    let mut carrier = before.clone();
    inject(&TraceContext::default(), &mut carrier);
    assert_eq!(carrier, before);
}

#[test]
fn the_message_id_is_in_the_header_of_its_name() {
    let list = headers(&[("event-id", Some(b"7f")), ("message-id", Some(b"8f"))]);
    assert_eq!(Found::among(&list, "event-id").message_id_at(), Some(0));
    assert_eq!(Found::among(&list, "message-id").message_id_at().and_then(|at| text(&list, at)), Some("8f"));
    assert_eq!(Found::among(&list, "id").message_id_at(), None);
}
