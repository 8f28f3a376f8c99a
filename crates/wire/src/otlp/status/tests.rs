use super::*;
use crate::otlp::decode;
use throughline_model::Signal;

#[test]
fn a_throttle_carries_its_delay_in_both_encodings() {
    let delay = Some(Duration::from_millis(1_500));
    let json = status(Encoding::Json, code::UNAVAILABLE, "full", delay);
    assert_eq!(
        String::from_utf8(json).unwrap(),
        r#"{"code":14,"message":"full","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}"#
    );
    let protobuf = status(Encoding::Protobuf, code::UNAVAILABLE, "full", delay);
    let mut expected = b"\x08\x0e\x12\x04full\x1a\x36\x0a\x28".to_vec();
    expected.extend(RETRY_INFO.as_bytes());
    expected.extend(b"\x12\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01");
    assert_eq!(protobuf, expected);
}

#[test]
fn a_status_without_details_has_none() {
    let json = status(Encoding::Json, code::INTERNAL, "a\nb", None);
    assert_eq!(String::from_utf8(json).unwrap(), r#"{"code":13,"message":"a\nb"}"#);
    assert_eq!(status(Encoding::Protobuf, code::INTERNAL, "", None), b"\x08\x0d");
}

#[test]
fn a_malformed_request_names_the_violated_field() {
    let error = decode(Signal::Traces, Encoding::Protobuf, &[0x0a, 5]).unwrap_err();
    let status = Status::from(&error);
    assert_eq!(status.code, code::INVALID_ARGUMENT);
    let json = String::from_utf8(status.encode(Encoding::Json)).unwrap();
    assert!(
        json.contains(r#""fieldViolations":[{"field":"resource_spans[0]","description":"malformed"#),
        "{json}"
    );
    let protobuf = status.encode(Encoding::Protobuf);
    assert!(protobuf.windows(BAD_REQUEST.len()).any(|window| window == BAD_REQUEST.as_bytes()));
}

#[test]
fn durations_have_as_many_digits_as_they_need() {
    assert_eq!(seconds(Duration::from_secs(3)), "3s");
    assert_eq!(seconds(Duration::new(0, 1)), "0.000000001s");
    assert_eq!(seconds(Duration::from_millis(10_250)), "10.25s");
}
