use throughline_model::{Signal, Value, rows};

use super::*;
use crate::otlp::error::DecodeErrorKind;
use crate::protobuf::Writer;

/// A request of one scope with the items that `items` writes.
fn request(items: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    let resource = writer.open(1);
    let scope = writer.open(2);
    items(&mut writer);
    writer.close(scope);
    writer.close(resource);
    writer.into_bytes()
}

fn span(writer: &mut Writer, trace_id: &[u8], span_id: &[u8], rest: impl FnOnce(&mut Writer)) {
    let span = writer.open(2);
    writer.bytes(1, trace_id);
    writer.bytes(2, span_id);
    rest(writer);
    writer.close(span);
}

fn traces(request: &[u8]) -> Result<Decoded, DecodeError> {
    decode(Signal::Traces, Encoding::Protobuf, request)
}

fn attribute(writer: &mut Writer, field: u32, key: &str, value: impl FnOnce(&mut Writer)) {
    let entry = writer.open(field);
    writer.string(1, key);
    let any = writer.open(2);
    value(writer);
    writer.close(any);
    writer.close(entry);
}

#[test]
fn an_empty_request_is_taken() {
    for signal in Signal::ALL {
        for (encoding, empty) in [(Encoding::Protobuf, &b""[..]), (Encoding::Json, b"{}")] {
            let decoded = decode(signal, encoding, empty).unwrap();
            assert_eq!((decoded.accepted, decoded.rejected, decoded.rejection), (0, 0, None));
        }
    }
}

#[test]
fn rejects_spans_with_bad_ids_one_by_one_and_keeps_the_rest() {
    let bytes = request(|writer| {
        span(writer, &[1; 16], &[1; 8], |_| ());
        span(writer, &[1; 5], &[1; 8], |writer| attribute(writer, 9, "k", |writer| writer.string(1, "x")));
        span(writer, &[0; 16], &[1; 8], |_| ());
        span(writer, &[1; 16], &[], |_| ());
        span(writer, &[1; 16], &[0; 8], |_| ());
        span(writer, &[1; 16], &[1; 8], |writer| writer.bytes(4, &[1, 2, 3]));
        span(writer, &[2; 16], &[2; 8], |writer| attribute(writer, 9, "k", |writer| writer.varint(3, 7)));
    });
    let decoded = traces(&bytes).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (2, 5));
    let reason = decoded.rejection.unwrap();
    assert_eq!(reason, "5 spans rejected, the first because its trace id has 5 bytes instead of 16");
    let spans = rows::spans(&decoded.batch).unwrap();
    assert_eq!(spans[0].attributes, []);
    assert_eq!(spans[1].attributes, [("k".to_owned(), Value::Int(7))]);
}

#[test]
fn a_rejected_span_must_still_be_well_formed() {
    let bytes = request(|writer| span(writer, &[1; 5], &[1; 8], |writer| writer.bytes(9, &[0x0a, 9])));
    let error = traces(&bytes).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Invalid);
    assert_eq!(error.field(), Some("resource_spans[0].scope_spans[0].spans[0].attributes[0].key"));
}

#[test]
fn a_log_record_keeps_all_but_its_bad_id() {
    let bytes = request(|writer| {
        let record = writer.open(2);
        writer.bytes(9, &[1; 3]);
        writer.bytes(10, &[0; 8]);
        writer.string(3, "INFO");
        writer.close(record);
    });
    let decoded = decode(Signal::Logs, Encoding::Protobuf, &bytes).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (1, 0));
    assert!(decoded.rejection.unwrap().contains("trace id has 3 bytes instead of 16 and was dropped"));
    let records = rows::logs(&decoded.batch).unwrap();
    assert_eq!((records[0].trace_id, records[0].span_id), (None, None));
    assert_eq!(records[0].severity_text, "INFO");
}

#[test]
fn faults_name_field_and_byte() {
    let bytes = request(|writer| {
        span(writer, &[1; 16], &[1; 8], |_| ());
        span(writer, &[1; 16], &[1; 8], |writer| {
            attribute(writer, 9, "k", |writer| writer.string(1, "v"));
            attribute(writer, 9, "k", |writer| writer.bytes(1, b"\xff"));
        });
    });
    let error = traces(&bytes).unwrap_err();
    let at = bytes.iter().position(|byte| *byte == 0xff).unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "malformed OTLP protobuf at byte {at} in \
             resource_spans[0].scope_spans[0].spans[1].attributes[1].value.string_value: text is not valid UTF-8"
        )
    );
}

#[test]
fn the_resource_may_come_after_its_spans() {
    let mut writer = Writer::default();
    let outer = writer.open(1);
    let scope = writer.open(2);
    span(&mut writer, &[1; 16], &[1; 8], |_| ());
    writer.close(scope);
    for (key, value) in [("service.name", "shop"), ("host.name", "h1")] {
        let resource = writer.open(1);
        attribute(&mut writer, 1, key, |writer| writer.string(1, value));
        writer.close(resource);
    }
    writer.close(outer);
    let spans = rows::spans(&traces(writer.as_bytes()).unwrap().batch).unwrap();
    assert_eq!(spans[0].resource.service_name(), "shop");
    assert_eq!(spans[0].resource.get("host.name"), Some(&Value::from("h1")));
}

fn nested(levels: usize, array: bool) -> Vec<u8> {
    let mut value = Vec::new();
    for _ in 0..levels {
        let mut writer = Writer::default();
        let list = writer.open(if array { 5 } else { 6 });
        if array {
            writer.bytes(1, &value);
        } else {
            let entry = writer.open(1);
            writer.string(1, "$k");
            writer.bytes(2, &value);
            writer.close(entry);
        }
        writer.close(list);
        value = writer.into_bytes();
    }
    request(|writer| {
        span(writer, &[1; 16], &[1; 8], |writer| {
            let entry = writer.open(9);
            writer.string(1, "deep");
            writer.bytes(2, &value);
            writer.close(entry);
        });
    })
}

#[test]
fn values_nest_64_deep_and_no_deeper() {
    for array in [true, false] {
        let decoded = traces(&nested(63, array)).unwrap();
        assert_eq!(rows::spans(&decoded.batch).unwrap()[0].attributes.len(), 1);
        for levels in [64, 5_000] {
            let error = traces(&nested(levels, array)).unwrap_err();
            assert!(error.to_string().ends_with("values are nested too deeply"), "{error}");
        }
    }
}

#[test]
fn small_requests_cannot_ask_for_endless_rows() {
    let bytes = request(|writer| (0..400_000).for_each(|_| writer.bytes(2, &[])));
    let error = decode(Signal::Logs, Encoding::Protobuf, &bytes).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
}

#[test]
fn one_key_with_two_types_keeps_both_values() {
    let bytes = request(|writer| {
        span(writer, &[1; 16], &[1; 8], |writer| {
            attribute(writer, 9, "n", |writer| writer.varint(3, 1));
            attribute(writer, 9, "n", |writer| writer.string(1, "again"));
        });
        span(writer, &[1; 16], &[2; 8], |writer| attribute(writer, 9, "n", |writer| writer.string(1, "one")));
    });
    let spans = rows::spans(&traces(&bytes).unwrap().batch).unwrap();
    assert_eq!(
        spans[0].attributes,
        [("n".to_owned(), Value::Int(1)), ("n".to_owned(), Value::from("again"))]
    );
    assert_eq!(spans[1].attributes, [("n".to_owned(), Value::from("one"))]);
}

#[test]
fn points_of_one_series_have_one_text_of_attributes() {
    let point = |writer: &mut Writer, keys: [&str; 2]| {
        let point = writer.open(1);
        keys.iter().for_each(|key| attribute(writer, 7, key, |writer| writer.string(1, "v")));
        writer.close(point);
    };
    let bytes = request(|writer| {
        let metric = writer.open(2);
        writer.string(1, "m");
        let gauge = writer.open(5);
        point(writer, ["a", "b"]);
        point(writer, ["b", "a"]);
        writer.close(gauge);
        writer.close(metric);
    });
    let points = rows::points(&decode(Signal::Metrics, Encoding::Protobuf, &bytes).unwrap().batch).unwrap();
    assert_eq!(points[0].attributes, points[1].attributes);
}

#[test]
fn nested_items_and_repeated_metadata_are_bounded_too() {
    let links = request(|writer| {
        span(writer, &[1; 16], &[1; 8], |writer| (0..300_000).for_each(|_| writer.bytes(13, &[])));
    });
    assert_eq!(traces(&links).unwrap_err().kind(), DecodeErrorKind::TooLarge);
    let metadata = request(|writer| {
        let metric = writer.open(2);
        attribute(writer, 12, "k", |writer| writer.string(1, &"x".repeat(10_000)));
        let gauge = writer.open(5);
        (0..5_000).for_each(|_| writer.bytes(1, &[]));
        writer.close(gauge);
        writer.close(metric);
    });
    let error = decode(Signal::Metrics, Encoding::Protobuf, &metadata).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
}

#[test]
fn a_large_resource_costs_once_not_per_scope() {
    let mut writer = Writer::default();
    let outer = writer.open(1);
    let resource = writer.open(1);
    attribute(&mut writer, 1, "big", |writer| writer.string(1, &"x".repeat(1 << 20)));
    writer.close(resource);
    for i in 0..20_000_u32 {
        let scope = writer.open(2);
        let name = writer.open(1);
        writer.string(1, &i.to_string());
        writer.close(name);
        span(&mut writer, &[1; 16], &[1; 8], |_| ());
        writer.close(scope);
    }
    writer.close(outer);
    // Hashing the resource for each scope would take 20 GB of hashing.
    assert_eq!(traces(writer.as_bytes()).unwrap().accepted, 20_000);
}

#[test]
fn a_map_of_very_many_keys_is_written_in_one_pass() {
    let bytes = request(|writer| {
        span(writer, &[1; 16], &[1; 8], |writer| {
            attribute(writer, 9, "map", |writer| {
                let list = writer.open(6);
                (0..200_000_u32)
                    .for_each(|i| attribute(writer, 1, &i.to_string(), |writer| writer.varint(3, 1)));
                writer.close(list);
            });
        });
    });
    assert_eq!(traces(&bytes).unwrap().accepted, 1);
}
