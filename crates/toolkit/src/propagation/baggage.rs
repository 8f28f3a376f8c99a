//! W3C baggage: entries that travel with a trace.

use opentelemetry::propagation::{Extractor, Injector};

use super::context::TraceContext;
use std::sync::Arc;

const HEADER: &str = "baggage";
const ENTRIES_MAX: usize = 64;
const BYTES_MAX: usize = 8192;

/// The entries of a context, in the order they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Baggage(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: String,
    value: String,
    /// Properties after the first `;`, passed on unaltered.
    metadata: String,
}

impl Baggage {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|e| e.key == key).map(|e| e.value.as_str())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|e| (e.key.as_str(), e.value.as_str()))
    }

    pub(crate) fn set(&mut self, key: String, value: String) {
        self.put(Entry { key, value, metadata: String::new() });
    }

    fn put(&mut self, entry: Entry) {
        self.0.retain(|e| e.key != entry.key);
        if self.0.len() < ENTRIES_MAX {
            self.0.push(entry);
        }
    }
}

pub(super) fn inject(context: &TraceContext, carrier: &mut dyn Injector) {
    let Some(baggage) = &context.baggage else { return };
    let mut header = String::new();
    for entry in &baggage.0 {
        if !is_token(&entry.key) {
            continue;
        }
        let mut member = format!("{}=", entry.key);
        encode(&entry.value, &mut member);
        if !entry.metadata.is_empty() {
            member.push(';');
            member.push_str(&entry.metadata);
        }
        if header.len() + member.len() + 1 > BYTES_MAX {
            break;
        }
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(&member);
    }
    if !header.is_empty() {
        carrier.set(HEADER, header);
    }
}

pub(super) fn extract(context: &mut TraceContext, carrier: &dyn Extractor) {
    let Some(headers) = carrier.get_all(HEADER) else { return };
    let mut baggage = Baggage::default();
    for member in headers.iter().flat_map(|h| h.split(',')).take(ENTRIES_MAX) {
        let (entry, metadata) = member.split_once(';').unwrap_or((member, ""));
        let Some((key, value)) = entry.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if is_token(key) && value.len() <= BYTES_MAX {
            baggage.put(Entry {
                key: key.to_owned(),
                value: decode(value),
                metadata: metadata.trim().to_owned(),
            });
        }
    }
    if !baggage.0.is_empty() {
        context.baggage = Some(Arc::new(baggage));
    }
}

/// An RFC 7230 token.
fn is_token(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        let plain = byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%');
        if plain {
            into.push(char::from(byte));
        } else {
            into.push('%');
            super::w3c::push_hex(into, &[byte]);
        }
    }
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| tail.get(..2)).flatten();
        let decoded = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        match decoded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
