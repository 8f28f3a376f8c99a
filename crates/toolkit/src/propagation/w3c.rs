//! W3C trace context: `traceparent` and `tracestate`, read strictly.

use std::fmt::Write;
use std::sync::Arc;

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanId, TraceId};

use super::context::{RANDOM, SAMPLED, TraceContext};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const MEMBERS_MAX: usize = 32;

pub(super) fn inject(context: &TraceContext, carrier: &mut dyn Injector) {
    carrier.set(TRACEPARENT, traceparent(context));
    if let Some(state) = &context.state {
        carrier.set(TRACESTATE, state.to_string());
    }
}

fn traceparent(context: &TraceContext) -> String {
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    push_hex(&mut text, &context.trace_id.to_bytes());
    text.push('-');
    push_hex(&mut text, &context.span_id.to_bytes());
    text.push('-');
    push_hex(&mut text, &[context.flags & (SAMPLED | RANDOM)]);
    text
}

/// The two digits of each byte, one after the other.
const HEX: &str = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    const TABLE: [u8; 512] = {
        let mut table = [0; 512];
        let mut byte = 0;
        while byte < 256 {
            table[2 * byte] = DIGITS[byte >> 4];
            table[2 * byte + 1] = DIGITS[byte & 15];
            byte += 1;
        }
        table
    };
    match std::str::from_utf8(&TABLE) {
        Ok(table) => table,
        Err(_) => "",
    }
};

pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let at = 2 * usize::from(*byte);
        text.push_str(HEX.get(at..at + 2).unwrap_or_default());
    }
}

pub(super) fn extract(carrier: &dyn Extractor) -> Option<TraceContext> {
    let headers = carrier.get_all(TRACEPARENT)?;
    let [header] = headers.as_slice() else { return None };
    let mut context = parse_traceparent(header.trim_matches([' ', '\t']))?;
    context.state = carrier.get_all(TRACESTATE).and_then(|h| parse_tracestate(&h));
    Some(context)
}

fn parse_traceparent(text: &str) -> Option<TraceContext> {
    let (version, rest) = (text.get(..2)?, text.get(2..55)?);
    let version = lower_hex(version)?;
    if version == 0xff || (version == 0 && text.len() != 55) {
        return None;
    }
    if text.len() > 55 && text.as_bytes().get(55) != Some(&b'-') {
        return None;
    }
    let mut parts = rest.strip_prefix('-')?.split('-');
    let (trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?);
    if trace_id.len() != 32 || span_id.len() != 16 || flags.len() != 2 || parts.next().is_some() {
        return None;
    }
    let context = TraceContext {
        trace_id: TraceId::from(lower_hex(trace_id)?),
        span_id: SpanId::from(u64::try_from(lower_hex(span_id)?).ok()?),
        flags: u8::try_from(lower_hex(flags)?).ok()? & (SAMPLED | RANDOM),
        remote: true,
        ..TraceContext::default()
    };
    context.is_valid().then_some(context)
}

/// At most 32 digits.
fn lower_hex(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// Joins the headers into one list. A list with any invalid member is discarded whole.
fn parse_tracestate(headers: &[&str]) -> Option<Arc<str>> {
    let members = headers.iter().flat_map(|h| h.split(','));
    let members = members.map(|m| m.trim_matches([' ', '\t'])).filter(|m| !m.is_empty());
    let mut joined = String::new();
    for (count, member) in members.enumerate() {
        if count == MEMBERS_MAX || !is_member(member) {
            return None;
        }
        let comma = if joined.is_empty() { "" } else { "," };
        write!(joined, "{comma}{member}").ok()?;
    }
    (!joined.is_empty()).then(|| joined.into())
}

fn is_member(member: &str) -> bool {
    member.split_once('=').is_some_and(|(key, value)| is_key(key) && is_value(value))
}

fn is_key(key: &str) -> bool {
    let first = key.bytes().next();
    key.len() <= 256
        && first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && key.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'))
}

fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len())
        && !value.ends_with(' ')
        && value.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b',' && b != b'=')
}
