//! A span on its way out, as the rules see it.

use std::time::Duration;

use opentelemetry::Array;

use super::Audited;
use crate::fields::{Fields, ValueRef};
use crate::layer::span_data::SpanData;
use crate::{SpanKind, SpanStatus};

impl Audited for SpanData {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> SpanKind {
        self.kind
    }

    fn is_error(&self) -> bool {
        matches!(self.status, SpanStatus::Error(_))
    }

    fn duration(&self) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(self.start_ns))
    }

    fn has(&self, key: &str) -> bool {
        self.fields.get(key).is_some()
    }

    fn number(&self, key: &str) -> Option<i64> {
        match self.fields.get(key) {
            Some(ValueRef::Int(value)) => Some(value),
            _ => None,
        }
    }

    fn each_text(&self, f: &mut dyn FnMut(&str, &str)) {
        let events = self.events.iter().map(|event| &event.fields);
        let links = self.links.iter().map(|link| &link.fields);
        for fields in std::iter::once(&self.fields).chain(events).chain(links) {
            each_text(fields, f);
        }
        if let SpanStatus::Error(message) = &self.status {
            f("otel.status_description", message);
        }
    }
}

/// Calls `f` with every text among attributes, those in lists too.
pub(super) fn each_text(fields: &Fields, f: &mut dyn FnMut(&str, &str)) {
    for (key, value) in fields.iter() {
        match value {
            ValueRef::Str(text) => f(key, text),
            ValueRef::Array(Array::String(list)) => list.iter().for_each(|text| f(key, text.as_str())),
            _ => {}
        }
    }
}
