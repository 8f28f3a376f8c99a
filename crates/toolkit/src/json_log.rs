//! One log record as one line of JSON.

use std::cell::RefCell;
use std::fmt::Write;

use opentelemetry::Array;

use crate::export::console::Output;
use crate::fields::ValueRef;
use crate::layer::event::{LogData, Severity};
use crate::propagation::push_hex;

/// Buffers above this size are not kept for the next line.
const LINE_KEPT_BYTES: usize = 16 * 1024;

/// Keys the line itself uses; an attribute of the same name gets the prefix `attr.`.
const RESERVED: &[&str] =
    &["timestamp", "level", "message", "service", "target", "event", "trace_id", "span_id", "trace_flags"];

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

pub(crate) fn write(record: &LogData, service: &str, output: &dyn Output) {
    let urgent = record.severity == Severity::Error;
    let written = LINE.try_with(|line| {
        // A Display implementation that logs while its own line is being written finds the
        // buffer taken and uses a fresh one.
        let Ok(mut line) = line.try_borrow_mut() else { return false };
        line.clear();
        format_line(record, service, &mut line);
        output.log_line(&line, urgent);
        line.shrink_to(LINE_KEPT_BYTES);
        true
    });
    if !matches!(written, Ok(true)) {
        let mut line = String::new();
        format_line(record, service, &mut line);
        output.log_line(&line, urgent);
    }
}

fn format_line(record: &LogData, service: &str, line: &mut String) {
    line.push_str("{\"timestamp\":\"");
    push_timestamp(record.time_ns, line);
    line.push_str("\",\"level\":\"");
    line.push_str(record.severity.as_str());
    line.push_str("\",\"message\":");
    push_json_str(&record.message, line);
    line.push_str(",\"service\":");
    push_json_str(service, line);
    line.push_str(",\"target\":");
    push_json_str(&record.target, line);
    if let Some(name) = record.event_name {
        line.push_str(",\"event\":");
        push_json_str(name, line);
    }
    if let Some(cx) = &record.cx {
        line.push_str(",\"trace_id\":\"");
        push_hex(line, &cx.trace_id.to_bytes());
        line.push_str("\",\"span_id\":\"");
        push_hex(line, &cx.span_id.to_bytes());
        line.push_str("\",\"trace_flags\":\"");
        push_hex(line, &[cx.flags]);
        line.push('"');
    }
    for (key, value) in record.fields.iter() {
        line.push_str(if RESERVED.contains(&key) { ",\"attr." } else { ",\"" });
        push_escaped(key, line);
        line.push_str("\":");
        push_value(value, line);
    }
    line.push_str("}\n");
}

fn push_value(value: ValueRef<'_>, line: &mut String) {
    match value {
        ValueRef::Str(v) => push_json_str(v, line),
        ValueRef::Int(v) => push_display(v, line),
        ValueRef::Double(v) => push_double(v, line),
        ValueRef::Bool(v) => line.push_str(if v { "true" } else { "false" }),
        ValueRef::Array(v) => push_array(v, line),
    }
}

fn push_array(array: &Array, line: &mut String) {
    line.push('[');
    match array {
        Array::Bool(values) => join(values, line, |v, line| push_display(v, line)),
        Array::I64(values) => join(values, line, |v, line| push_display(v, line)),
        Array::F64(values) => join(values, line, |v, line| push_double(*v, line)),
        Array::String(values) => join(values, line, |v, line| push_json_str(v.as_str(), line)),
        _ => {}
    }
    line.push(']');
}

fn join<T>(values: &[T], line: &mut String, push: impl Fn(&T, &mut String)) {
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        push(value, line);
    }
}

/// JSON has no NaN or infinity: they become text.
fn push_double(value: f64, line: &mut String) {
    if value.is_finite() {
        push_display(value, line);
    } else {
        push_json_str(&value.to_string(), line);
    }
}

fn push_display(value: impl std::fmt::Display, line: &mut String) {
    // Numbers format without fail.
    let _always_ok = write!(line, "{value}").is_ok();
}

pub(crate) fn push_json_str(text: &str, line: &mut String) {
    line.push('"');
    push_escaped(text, line);
    line.push('"');
}

fn push_escaped(text: &str, line: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\') {
        let (plain, tail) = rest.split_at(at);
        line.push_str(plain);
        match tail.bytes().next() {
            Some(b'"') => line.push_str("\\\""),
            Some(b'\\') => line.push_str("\\\\"),
            Some(b'\n') => line.push_str("\\n"),
            Some(b'\r') => line.push_str("\\r"),
            Some(b'\t') => line.push_str("\\t"),
            Some(byte) => {
                line.push_str("\\u00");
                push_hex(line, &[byte]);
            }
            None => {}
        }
        rest = tail.get(1..).unwrap_or("");
    }
    line.push_str(rest);
}

/// RFC 3339 in UTC with microseconds. The part up to the second is kept between lines.
pub(crate) fn push_timestamp(time_ns: u64, line: &mut String) {
    let second = time_ns / 1_000_000_000;
    let cached = SECOND.try_with(|cell| {
        let mut cell = cell.borrow_mut();
        if cell.0 != second {
            cell.0 = second;
            cell.1.clear();
            push_second(second, &mut cell.1);
        }
        line.push_str(&cell.1);
    });
    if cached.is_err() {
        push_second(second, line);
    }
    line.push('.');
    push_padded(time_ns % 1_000_000_000 / 1000, 6, line);
    line.push('Z');
}

fn push_second(second: u64, text: &mut String) {
    let (days, within) = (second / 86_400, second % 86_400);
    // Days to civil date, by eras of 400 years counted from 0000-03-01.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let parts =
        [(year, 4, '-'), (month, 2, '-'), (day, 2, 'T'), (within / 3600, 2, ':'), (within / 60 % 60, 2, ':')];
    for (value, width, after) in parts {
        push_padded(value, width, text);
        text.push(after);
    }
    push_padded(within % 60, 2, text);
}

fn push_padded(value: u64, width: u32, text: &mut String) {
    for place in (0..width).rev() {
        let digit = value / 10u64.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{FieldLimits, Key, Stored};
    use crate::layer::event::Severity;
    use crate::propagation::TraceContext;
    use expect_test::expect;
    use opentelemetry::trace::{SpanId, TraceId};

    fn record() -> LogData {
        let mut record = LogData {
            time_ns: 1_763_716_465_123_456_789,
            severity: Severity::Warn,
            target: "ledger::relay".into(),
            message: "quote \" back \\ line \n bell \u{7} ż".to_owned(),
            cx: Some(TraceContext::remote(TraceId::from(0xabc), SpanId::from(0xdef), true)),
            ..LogData::default()
        };
        let limits = FieldLimits::default();
        record.fields.set(Key::Static("n"), Stored::Int(-5), limits);
        record.fields.set(Key::Static("share"), Stored::Double(0.5), limits);
        record.fields.set(Key::Static("nan"), Stored::Double(f64::NAN), limits);
        record.fields.set(Key::Static("ok"), Stored::Bool(true), limits);
        record.fields.set_str("level", "inner", limits);
        let list = Array::String(vec!["a".into(), "b".into()]);
        record.fields.set(Key::Static("list"), Stored::Array(Box::new(list)), limits);
        record
    }

    #[test]
    fn writes_one_line_of_json_with_ids() {
        let mut line = String::new();
        format_line(&record(), "ledger", &mut line);
        expect![[r#"
            {"timestamp":"2025-11-21T09:14:25.123456Z","level":"WARN","message":"quote \" back \\ line \n bell \u0007 ż","service":"ledger","target":"ledger::relay","trace_id":"00000000000000000000000000000abc","span_id":"0000000000000def","trace_flags":"01","n":-5,"share":0.5,"nan":"NaN","ok":true,"attr.level":"inner","list":["a","b"]}
        "#]]
        .assert_eq(&line);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn formats_dates_over_leap_years() {
        for (second, expected) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (4_102_444_799, "2099-12-31T23:59:59"),
        ] {
            let mut text = String::new();
            push_second(second, &mut text);
            assert_eq!(text, expected);
        }
    }
}
