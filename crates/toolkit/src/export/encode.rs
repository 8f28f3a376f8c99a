//! Attributes, resources and scopes in OTLP's wire form.

use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, Value};

use super::proto;
use crate::fields::{Fields, ValueRef};

/// The encoded `Resource` message of this process.
#[derive(Debug, Clone)]
pub(crate) struct ResourceBytes(Vec<u8>);

/// The semantic conventions that the attributes follow.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

impl ResourceBytes {
    pub(crate) fn new(attributes: &[KeyValue]) -> Self {
        let mut out = Vec::new();
        for attribute in attributes {
            proto::message(&mut out, 1, |out| {
                proto::bytes(out, 1, attribute.key.as_str().as_bytes());
                proto::message(out, 2, |out| value_owned(out, &attribute.value));
            });
        }
        Self(out)
    }
}

/// Groups encoded items by scope and wraps them into one export request.
///
/// Traces and logs share the shape: request { 1: { 1: resource, 2: { 1: scope, 2: items } } }.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// One buffer a scope, kept between batches.
    scopes: Vec<(Cow<'static, str>, Vec<u8>)>,
}

/// More scopes than this are dropped between batches, so that memory does not grow.
const SCOPES_KEPT: usize = 64;

impl Encoder {
    /// The buffer for items of a scope.
    #[expect(clippy::ptr_arg, reason = "a static name is kept without copying it")]
    pub(super) fn scope(&mut self, name: &Cow<'static, str>) -> &mut Vec<u8> {
        let found = self.scopes.iter().position(|(n, _)| n == name);
        let at = found.unwrap_or_else(|| {
            self.scopes.push((name.clone(), Vec::new()));
            self.scopes.len() - 1
        });
        // The index was just found or made.
        #[expect(clippy::indexing_slicing, reason = "in bounds by construction")]
        &mut self.scopes[at].1
    }

    /// The request with everything that was added since the last one.
    pub(super) fn request(&mut self, resource: &ResourceBytes) -> Vec<u8> {
        let size: usize = self.scopes.iter().map(|(n, b)| n.len() + b.len() + 32).sum();
        let mut out = Vec::with_capacity(size + resource.0.len() + 128);
        proto::message(&mut out, 1, |out| {
            proto::bytes_always(out, 1, &resource.0);
            for (name, items) in self.scopes.iter_mut().filter(|(_, b)| !b.is_empty()) {
                proto::message(out, 2, |out| {
                    proto::message(out, 1, |out| proto::bytes(out, 1, name.as_bytes()));
                    out.append(items);
                });
            }
            proto::bytes(out, 3, SCHEMA_URL.as_bytes());
        });
        self.scopes.truncate(SCOPES_KEPT);
        out
    }
}

/// Attributes as repeated `KeyValue` in `field`.
pub(super) fn attributes(out: &mut Vec<u8>, field: u64, fields: &Fields) {
    for (key, value) in fields.iter() {
        proto::message(out, field, |out| {
            proto::bytes(out, 1, key.as_bytes());
            proto::message(out, 2, |out| any_value(out, value));
        });
    }
}

fn any_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Str(v) => proto::bytes_always(out, 1, v.as_bytes()),
        ValueRef::Bool(v) => proto::uint_always(out, 2, u64::from(v)),
        ValueRef::Int(v) => proto::uint_always(out, 3, v.cast_unsigned()),
        ValueRef::Double(v) => proto::fixed64(out, 4, v.to_bits()),
        ValueRef::Array(v) => proto::message(out, 5, |out| array(out, v)),
    }
}

fn array(out: &mut Vec<u8>, array: &Array) {
    let mut item = |value: ValueRef<'_>| proto::message(out, 1, |out| any_value(out, value));
    match array {
        Array::Bool(list) => list.iter().for_each(|v| item(ValueRef::Bool(*v))),
        Array::I64(list) => list.iter().for_each(|v| item(ValueRef::Int(*v))),
        Array::F64(list) => list.iter().for_each(|v| item(ValueRef::Double(*v))),
        Array::String(list) => list.iter().for_each(|v| item(ValueRef::Str(v.as_str()))),
        _ => {}
    }
}

fn value_owned(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(v) => any_value(out, ValueRef::Bool(*v)),
        Value::I64(v) => any_value(out, ValueRef::Int(*v)),
        Value::F64(v) => any_value(out, ValueRef::Double(*v)),
        Value::String(v) => any_value(out, ValueRef::Str(v.as_str())),
        Value::Array(v) => any_value(out, ValueRef::Array(v)),
        other => any_value(out, ValueRef::Str(&other.to_string())),
    }
}
