//! Reading `tracing` fields into typed attributes.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use super::span_data::{SpanData, SpanLimits};
use crate::fields::{FieldLimits, Fields, Key, Stored};
use crate::{SpanKind, SpanStatus};

/// Reads the fields of a span. `otel.*` fields set the span's own properties.
pub(super) struct SpanVisitor<'a> {
    data: &'a mut SpanData,
    limits: FieldLimits,
    /// Fields seen before may come again.
    late: bool,
}

impl<'a> SpanVisitor<'a> {
    /// For the fields given when the span is made: each comes once.
    pub(super) fn fresh(data: &'a mut SpanData, limits: &SpanLimits) -> Self {
        Self { data, limits: limits.fields, late: false }
    }

    /// For fields recorded later.
    pub(super) fn late(data: &'a mut SpanData, limits: &SpanLimits) -> Self {
        Self { data, limits: limits.fields, late: true }
    }

    fn set(&mut self, field: &Field, value: Stored) {
        let key = Key::Static(field.name());
        if self.late {
            self.data.fields.set(key, value, self.limits);
        } else {
            self.data.fields.append(key, value, self.limits);
        }
    }

    /// Sets a property of the span itself; false when the field is an ordinary attribute.
    fn special(&mut self, field: &Field, value: &dyn fmt::Display) -> bool {
        let Some(property) = field.name().strip_prefix("otel.") else { return false };
        let data = &mut *self.data;
        match property {
            "name" => data.name = Cow::Owned(value.to_string()),
            "kind" => {
                if let Some(kind) = SpanKind::parse(&value.to_string()) {
                    data.kind = kind;
                }
            }
            "status_code" => match value.to_string().to_ascii_lowercase().as_str() {
                "ok" => data.set_status(SpanStatus::Ok),
                "error" => data.set_status(SpanStatus::Error(String::new())),
                _ => {}
            },
            "status_message" | "status_description" => {
                data.set_status(SpanStatus::Error(value.to_string()));
            }
            _ => return false,
        }
        true
    }
}

impl Visit for SpanVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Stored::Double(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Stored::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let stored = unsigned(value, &mut self.data.fields, self.limits);
        self.set(field, stored);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Stored::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name().starts_with("otel.") && self.special(field, &value) {
            return;
        }
        let stored = self.data.fields.store_str(value, self.limits);
        self.set(field, stored);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let stored = self.data.fields.store_args(format_args!("{value}"), self.limits);
        self.set(field, stored);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name().starts_with("otel.") {
            let mut text = String::new();
            if write!(text, "{value:?}").is_ok() && self.special(field, &text.trim_matches('"')) {
                return;
            }
        }
        let stored = self.data.fields.store_args(format_args!("{value:?}"), self.limits);
        self.set(field, stored);
    }
}

/// Reads the fields of an event: the message apart, the rest as attributes.
pub(super) struct EventVisitor<'a> {
    pub(super) fields: &'a mut Fields,
    pub(super) message: &'a mut String,
    pub(super) limits: FieldLimits,
}

impl EventVisitor<'_> {
    fn set(&mut self, field: &Field, value: Stored) {
        self.fields.set(Key::Static(field.name()), value, self.limits);
    }
}

impl Visit for EventVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Stored::Double(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Stored::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let stored = unsigned(value, self.fields, self.limits);
        self.set(field, stored);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Stored::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            let stored = self.fields.store_str(value, self.limits);
            self.set(field, stored);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let stored = self.fields.store_args(format_args!("{value}"), self.limits);
        self.set(field, stored);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Only a failing Display implementation fails here: keep what it wrote.
            let _unfinished = write!(self.message, "{value:?}").is_err();
        } else {
            let stored = self.fields.store_args(format_args!("{value:?}"), self.limits);
            self.set(field, stored);
        }
    }
}

/// OTLP has no unsigned integer: what does not fit is kept as text.
fn unsigned(value: u64, fields: &mut Fields, limits: FieldLimits) -> Stored {
    match i64::try_from(value) {
        Ok(value) => Stored::Int(value),
        Err(_) => fields.store_args(format_args!("{value}"), limits),
    }
}
