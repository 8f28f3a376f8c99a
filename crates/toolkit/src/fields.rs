//! Attributes as they are collected: typed, in order, text in one buffer that is reused.

use std::fmt::{self, Write};

use opentelemetry::{Array, Value};

/// The name of an attribute.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Static(&'static str),
    Owned(Box<str>),
}

impl Key {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Static(s) => s,
            Self::Owned(s) => s,
        }
    }
}

/// The value of an attribute.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    /// A range of [`Fields`]' text buffer.
    Text {
        at: u32,
        len: u32,
    },
    Static(&'static str),
    Int(i64),
    Double(f64),
    Bool(bool),
    Array(Box<Array>),
}

/// A value as it is read back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ValueRef<'a> {
    Str(&'a str),
    Int(i64),
    Double(f64),
    Bool(bool),
    Array(&'a Array),
}

/// How many attributes and how much text they may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldLimits {
    pub(crate) count: usize,
    pub(crate) value_length: usize,
}

impl Default for FieldLimits {
    fn default() -> Self {
        Self { count: 128, value_length: usize::MAX }
    }
}

/// An attribute list under construction. Cleared and reused, not freed.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    entries: Vec<(Key, Stored)>,
    text: String,
    dropped: u32,
}

/// Text buffers above this size are given back to the allocator on reuse.
const TEXT_KEPT_BYTES: usize = 4096;
const ENTRIES_KEPT: usize = 64;

impl Fields {
    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Memory held, for the byte bound of a queue.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<(Key, Stored)>()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
        self.entries.shrink_to(ENTRIES_KEPT);
        self.text.shrink_to(TEXT_KEPT_BYTES);
        self.dropped = 0;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.entries.iter().map(|(key, stored)| (key.as_str(), self.resolve(stored)))
    }

    pub(crate) fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        let found = self.entries.iter().find(|(k, _)| k.as_str() == key);
        found.map(|(_, stored)| self.resolve(stored))
    }

    fn resolve<'a>(&'a self, stored: &'a Stored) -> ValueRef<'a> {
        match stored {
            Stored::Text { at, len } => {
                let (at, len) = (*at as usize, *len as usize);
                ValueRef::Str(self.text.get(at..at + len).unwrap_or(""))
            }
            Stored::Static(s) => ValueRef::Str(s),
            Stored::Int(v) => ValueRef::Int(*v),
            Stored::Double(v) => ValueRef::Double(*v),
            Stored::Bool(v) => ValueRef::Bool(*v),
            Stored::Array(v) => ValueRef::Array(v),
        }
    }

    /// Adds an attribute, or replaces the value of the one with this key.
    pub(crate) fn set(&mut self, key: Key, value: Stored, limits: FieldLimits) {
        if let Some(entry) = self.entries.iter_mut().find(|(k, _)| same(k, &key)) {
            entry.1 = value;
        } else {
            self.append(key, value, limits);
        }
    }

    /// Adds an attribute whose key is known to be new.
    pub(crate) fn append(&mut self, key: Key, value: Stored, limits: FieldLimits) {
        if self.entries.len() < limits.count {
            self.entries.push((key, value));
        } else {
            self.dropped += 1;
        }
    }

    pub(crate) fn set_str(&mut self, key: &'static str, value: &str, limits: FieldLimits) {
        let stored = self.store_str(value, limits);
        self.set(Key::Static(key), stored, limits);
    }

    /// [`Fields::set_str`] for a key that is known to be new.
    #[cfg(any(feature = "axum", feature = "nats", feature = "kafka", feature = "outbox"))]
    pub(crate) fn append_str(&mut self, key: &'static str, value: &str, limits: FieldLimits) {
        let stored = self.store_str(value, limits);
        self.append(Key::Static(key), stored, limits);
    }

    /// Replaces the texts for which `f` has another, lists of text as a whole.
    #[cfg(feature = "audit")]
    pub(crate) fn rewrite(&mut self, limits: FieldLimits, f: impl Fn(&str, &str) -> Option<String>) {
        for at in 0..self.entries.len() {
            let Some((key, stored)) = self.entries.get(at) else { return };
            let new = match self.resolve(stored) {
                ValueRef::Str(text) => f(key.as_str(), text),
                ValueRef::Array(Array::String(list)) => {
                    list.iter().find_map(|text| f(key.as_str(), text.as_str()))
                }
                _ => None,
            };
            let Some(new) = new else { continue };
            let stored = self.store_str(&new, limits);
            if let Some(entry) = self.entries.get_mut(at) {
                entry.1 = stored;
            }
        }
    }

    /// Copies text into the buffer, cut to the value length limit.
    pub(crate) fn store_str(&mut self, value: &str, limits: FieldLimits) -> Stored {
        let value = cut(value, limits.value_length);
        let at = self.text.len();
        self.text.push_str(value);
        stored_text(at, value.len())
    }

    /// Formats text into the buffer, cut to the value length limit.
    pub(crate) fn store_args(&mut self, value: fmt::Arguments<'_>, limits: FieldLimits) -> Stored {
        let at = self.text.len();
        // Writing to a String fails only when a Display implementation does: keep what it wrote.
        let _unfinished = self.text.write_fmt(value).is_err();
        let written = self.text.get(at..).map_or(0, |t| cut(t, limits.value_length).len());
        self.text.truncate(at + written);
        stored_text(at, written)
    }

    pub(crate) fn store_value(&mut self, value: Value, limits: FieldLimits) -> Stored {
        match value {
            Value::Bool(v) => Stored::Bool(v),
            Value::I64(v) => Stored::Int(v),
            Value::F64(v) => Stored::Double(v),
            Value::String(v) => self.store_str(v.as_str(), limits),
            Value::Array(v) => Stored::Array(Box::new(v)),
            other => self.store_args(format_args!("{other}"), limits),
        }
    }
}

fn stored_text(at: usize, len: usize) -> Stored {
    match (u32::try_from(at), u32::try_from(len)) {
        (Ok(at), Ok(len)) => Stored::Text { at, len },
        _ => Stored::Static(""),
    }
}

fn same(a: &Key, b: &Key) -> bool {
    match (a, b) {
        (Key::Static(a), Key::Static(b)) if std::ptr::eq(*a, *b) => true,
        _ => a.as_str() == b.as_str(),
    }
}

/// The longest prefix of at most `length` characters.
fn cut(text: &str, length: usize) -> &str {
    if text.len() <= length {
        return text;
    }
    let end = text.char_indices().nth(length).map_or(text.len(), |(i, _)| i);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(count: usize, value_length: usize) -> FieldLimits {
        FieldLimits { count, value_length }
    }

    #[test]
    fn replaces_the_value_of_a_repeated_key() {
        let mut fields = Fields::default();
        fields.set(Key::Static("a"), Stored::Int(1), FieldLimits::default());
        fields.set(Key::Owned("a".into()), Stored::Int(2), FieldLimits::default());
        assert_eq!(fields.entries.len(), 1);
        assert!(matches!(fields.get("a"), Some(ValueRef::Int(2))));
    }

    #[test]
    fn counts_attributes_beyond_the_limit() {
        let mut fields = Fields::default();
        for key in ["a", "b", "c"] {
            fields.set(Key::Static(key), Stored::Bool(true), limits(2, 10));
        }
        assert_eq!((fields.entries.len(), fields.dropped()), (2, 1));
    }

    #[test]
    fn cuts_text_at_characters_not_bytes() {
        let mut fields = Fields::default();
        fields.set_str("a", "żółw!", limits(9, 4));
        let stored = fields.store_args(format_args!("{}", "żółw!"), limits(9, 3));
        fields.set(Key::Static("b"), stored, limits(9, 3));
        assert!(matches!(fields.get("a"), Some(ValueRef::Str("żółw"))));
        assert!(matches!(fields.get("b"), Some(ValueRef::Str("żół"))));
    }
}
