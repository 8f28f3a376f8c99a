use super::*;

fn json(signal: Signal, rejected: u64, message: Option<&str>) -> String {
    String::from_utf8(response(signal, Encoding::Json, rejected, message)).unwrap()
}

#[test]
fn full_success_leaves_partial_success_unset() {
    for signal in Signal::ALL {
        assert_eq!(response(signal, Encoding::Protobuf, 0, None), b"");
        assert_eq!(response(signal, Encoding::Protobuf, 0, Some("")), b"");
        assert_eq!(json(signal, 0, None), "{}");
    }
}

#[test]
fn rejected_items_are_counted_under_the_signals_name() {
    assert_eq!(
        json(Signal::Traces, 3, Some("no \"id\"")),
        r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no \"id\""}}"#
    );
    assert!(json(Signal::Logs, 1, None).contains("rejectedLogRecords"));
    assert!(json(Signal::Metrics, 1, None).contains("rejectedDataPoints"));
    assert_eq!(response(Signal::Traces, Encoding::Protobuf, 3, Some("no")), b"\x0a\x06\x08\x03\x12\x02no");
}

#[test]
fn a_warning_has_a_message_and_no_rejected_items() {
    assert_eq!(response(Signal::Logs, Encoding::Protobuf, 0, Some("hm")), b"\x0a\x04\x12\x02hm");
    assert_eq!(
        json(Signal::Logs, 0, Some("hm")),
        r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"hm"}}"#
    );
}

#[test]
fn long_messages_are_cut_at_a_character() {
    let message = "ä".repeat(MESSAGE_BYTES_MAX);
    let short = shorten(&message);
    assert!(short.len() <= MESSAGE_BYTES_MAX && short.chars().all(|c| c == 'ä'));
}
