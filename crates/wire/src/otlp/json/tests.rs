use throughline_model::{Signal, Value, rows};

use crate::otlp::{DecodeError, Decoded, Encoding, decode, encode_logs, encode_traces};

fn record(fields: &str) -> String {
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{fields}]}}]}}]}}"#)
}

fn logs(fields: &str) -> Result<Decoded, DecodeError> {
    decode(Signal::Logs, Encoding::Json, record(fields).as_bytes())
}

fn one(fields: &str) -> throughline_model::LogRecord {
    rows::logs(&logs(fields).unwrap().batch).unwrap().remove(0)
}

#[test]
fn ids_are_hexadecimal_of_any_case() {
    let lower = one(r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}"#);
    let upper = one(r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174"}"#);
    assert_eq!(lower, upper);
    assert_eq!(lower.span_id.unwrap().to_string(), "eee19b7ec3c1b174");
    let error = logs(r#"{"traceId":"not hex"}"#).unwrap_err().to_string();
    assert!(error.contains("field traceId: not hexadecimal") && error.contains("line 1 column"), "{error}");
}

#[test]
fn integers_of_64_bits_are_strings_or_numbers() {
    for time in [r#""1544712660300000000""#, "1544712660300000000"] {
        assert_eq!(one(&format!(r#"{{"timeUnixNano":{time}}}"#)).time_ns, 1_544_712_660_300_000_000);
    }
    for body in [r#""-7""#, "-7", "-7.0"] {
        assert_eq!(one(&format!(r#"{{"body":{{"intValue":{body}}}}}"#)).body, Some(Value::Int(-7)));
    }
    for bad in ["18446744073709551616", "-1", "1.5", r#""x""#, "true", "{}", "[1]"] {
        assert!(logs(&format!(r#"{{"timeUnixNano":{bad}}}"#)).is_err(), "{bad}");
    }
}

#[test]
fn enumerations_are_numbers_and_names_are_understood() {
    assert_eq!(one(r#"{"severityNumber":10}"#).severity_number, 10);
    assert_eq!(one(r#"{"severityNumber":"SEVERITY_NUMBER_INFO2"}"#).severity_number, 10);
    assert!(logs(r#"{"severityNumber":"LOUD"}"#).is_err());
}

#[test]
fn only_lower_camel_case_names_count_and_unknown_fields_do_not() {
    let record =
        one(r#"{"severity_text":"a","SeverityText":"b","new":{"deep":[1,{"x":null}]},"eventName":"e"}"#);
    assert_eq!((record.severity_text.as_str(), record.event_name.as_str()), ("", "e"));
    assert_eq!(one(r#"{"severityText":null,"body":null,"attributes":null}"#).severity_text, "");
}

#[test]
fn bytes_are_base64_of_either_alphabet() {
    for text in ["+/8=", "+/8", "-_8=", "-_8"] {
        let body = one(&format!(r#"{{"body":{{"bytesValue":"{text}"}}}}"#)).body;
        assert_eq!(body, Some(Value::Bytes(vec![0xfb, 0xff])), "{text}");
    }
    assert!(logs(r#"{"body":{"bytesValue":"*"}}"#).is_err());
}

#[test]
fn doubles_are_numbers_or_names() {
    let double = |text: &str| one(&format!(r#"{{"body":{{"doubleValue":{text}}}}}"#)).body;
    assert_eq!(double("3"), Some(Value::Double(3.0)));
    assert_eq!(double("-225825004730.94806"), Some(Value::Double(-225_825_004_730.948_06)));
    assert_eq!(double(r#""-Infinity""#), Some(Value::Double(f64::NEG_INFINITY)));
    assert!(matches!(double(r#""NaN""#), Some(Value::Double(nan)) if nan.is_nan()));
}

#[test]
fn wrong_shapes_are_refused_with_the_field() {
    for (fields, field) in [
        (r#"{"attributes":{}}"#, "attributes"),
        (r#"{"severityText":5}"#, "severityText"),
        (r#"{"body":"text"}"#, "body"),
        (r#"{"body":{"boolValue":"true"}}"#, "boolValue"),
        (r#"{"body":{"arrayValue":{"values":[[]]}}}"#, "values"),
    ] {
        let error = logs(fields).unwrap_err().to_string();
        assert!(error.contains(&format!("field {field}")), "{fields}: {error}");
    }
    for text in ["", "[]", "{", "{}x", "null", "\u{feff}{}"] {
        assert!(decode(Signal::Logs, Encoding::Json, text.as_bytes()).is_err(), "{text}");
    }
    assert!(decode(Signal::Logs, Encoding::Json, b"{\"resourceLogs\":[{\"schemaUrl\":\"\xff\"}]}").is_err());
}

#[test]
fn deep_json_is_refused_not_overrun() {
    let deep = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(10_000), "]}}".repeat(10_000));
    assert!(logs(&format!(r#"{{"body":{deep}}}"#)).is_err());
    let unknown = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(logs(&unknown).unwrap().accepted, 1, "what is not known is passed over without recursion");
}

#[test]
fn a_record_is_written_as_the_specification_shows() {
    let fields = r#"{"timeUnixNano":"1","observedTimeUnixNano":"2","severityNumber":9,"severityText":"Info","body":{"kvlistValue":{"values":[{"key":"n","value":{"intValue":"0"}},{"key":"none","value":{}}]}},"attributes":[{"key":"list","value":{"arrayValue":{"values":[]}}}],"flags":1,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","eventName":"e"}"#;
    let json = encode_logs(&logs(fields).unwrap().batch, Encoding::Json).unwrap();
    let expected =
        record(fields).replace(r#"[{"scopeLogs":[{"#, r#"[{"resource":{},"scopeLogs":[{"scope":{},"#);
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

#[test]
fn half_a_span_id_is_rejected_as_in_protobuf() {
    let text = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"0102030405060708"},
        {"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"0102030405060708","kind":"SPAN_KIND_CLIENT"}]}]}]}"#;
    let decoded = decode(Signal::Traces, Encoding::Json, text.as_bytes()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (1, 1));
    let json = encode_traces(&decoded.batch, Encoding::Json).unwrap();
    assert!(String::from_utf8(json).unwrap().contains(r#""kind":3"#));
}
