use throughline_model::{SpanId, TraceId, Value};

use super::*;

fn span() -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        name: "GET".into(),
        kind: 2,
        status_code: 2,
        start_ns: 5,
        attributes: vec![("n".into(), Value::Int(1))],
        ..Span::default()
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn version_1_json_says_batches_base64_and_names() {
    assert_eq!(
        text(trace(&[span()], Encoding::Json)),
        r#"{"batches":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"AQEBAQEBAQEBAQEBAQEBAQ==","spanId":"AgICAgICAgI=","name":"GET","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"5","endTimeUnixNano":"5","attributes":[{"key":"n","value":{"intValue":"1"}}],"status":{"code":"STATUS_CODE_ERROR"}}]}]}]}"#
    );
}

#[test]
fn version_2_json_wraps_the_trace() {
    let json = text(trace_by_id(&[span()], &TraceById::default(), Encoding::Json));
    assert!(json.starts_with(r#"{"trace":{"resourceSpans":[{"#), "{json}");
    assert!(json.ends_with(r#"},"metrics":{},"status":"COMPLETE"}"#), "{json}");
    let partial = TraceById { partial: Some("too large".into()), inspected_bytes: 7 };
    assert_eq!(
        text(trace_by_id(&[], &partial, Encoding::Json)),
        r#"{"trace":{},"metrics":{"inspectedBytes":"7"},"status":"PARTIAL","message":"too large"}"#
    );
}

#[test]
fn protobuf_always_has_a_trace() {
    assert_eq!(trace_by_id(&[], &TraceById::default(), Encoding::Protobuf), b"\x0a\x00\x12\x00");
    let partial = TraceById { partial: Some("cut".into()), inspected_bytes: 7 };
    assert_eq!(
        trace_by_id(&[], &partial, Encoding::Protobuf),
        b"\x0a\x00\x12\x02\x08\x07\x18\x01\x22\x03cut"
    );
    let bytes = trace(&[span()], Encoding::Protobuf);
    let whole = trace_by_id(&[span()], &TraceById::default(), Encoding::Protobuf);
    assert!(whole.windows(bytes.len()).any(|window| window == bytes));
}
