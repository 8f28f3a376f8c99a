//! `KeyValue` and `AnyValue`.

use throughline_model::attr_json;
use throughline_model::{Attributes, LogBatchBuilder, SpanBatchBuilder, Value};

use crate::protobuf::{Fault, FaultKind, Reader};

/// Deepest nesting of values.
pub(super) const MAX_DEPTH: usize = 64;

/// An `AnyValue` that borrows from the request unless it is nested.
#[derive(Debug, Default)]
pub(super) enum AnyValue<'a> {
    #[default]
    Null,
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Nested(Value),
}

impl<'a> AnyValue<'a> {
    /// Reads a value.
    #[inline]
    pub(super) fn read(message: &'a [u8], depth: usize) -> Result<Self, Fault> {
        let mut value = Self::Null;
        value.merge(message, depth)?;
        Ok(value)
    }

    /// Reads into a value that may have been set before, as protobuf does when a field repeats:
    /// the last variant counts, lists of the same variant are joined.
    #[inline]
    pub(super) fn merge(&mut self, message: &'a [u8], depth: usize) -> Result<(), Fault> {
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            *self = match tag.field() {
                1 => Self::String(reader.string(tag).map_err(|fault| fault.within("string_value"))?),
                2 => Self::Bool(reader.bool(tag).map_err(|fault| fault.within("bool_value"))?),
                3 => Self::Int(reader.varint(tag).map_err(|fault| fault.within("int_value"))? as i64),
                4 => Self::Double(reader.double(tag).map_err(|fault| fault.within("double_value"))?),
                5 | 6 => {
                    let nested = reader.bytes(tag).map_err(|fault| fault.within("array_value"))?;
                    self.nest(tag.field() == 5, nested, depth)?
                }
                7 => Self::Bytes(reader.bytes(tag).map_err(|fault| fault.within("bytes_value"))?),
                8 => {
                    reader.int32(tag).map_err(|fault| fault.within("string_value_strindex"))?;
                    Self::Null
                }
                _ => {
                    reader.skip(tag)?;
                    continue;
                }
            };
        }
        Ok(())
    }

    #[cold]
    fn nest(&mut self, array: bool, message: &'a [u8], depth: usize) -> Result<Self, Fault> {
        if depth >= MAX_DEPTH {
            return Err(Fault::at(FaultKind::TooDeep, message));
        }
        let before = std::mem::replace(self, Self::Null);
        if array {
            let mut values = match before {
                Self::Nested(Value::Array(values)) => values,
                _ => Vec::new(),
            };
            read_array(&mut values, message, depth + 1).map_err(|fault| fault.within("array_value"))?;
            return Ok(Self::Nested(Value::Array(values)));
        }
        let mut entries = match before {
            Self::Nested(Value::Map(entries)) => entries,
            _ => Vec::new(),
        };
        read_entries(&mut entries, message, depth + 1).map_err(|fault| fault.within("kvlist_value"))?;
        Ok(Self::Nested(Value::Map(entries)))
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::String(text) => Value::String(text.to_owned()),
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            Self::Nested(value) => value,
        }
    }

    /// Appends attribute JSON.
    pub(super) fn write_json(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::String(text) => attr_json::write_string(out, text),
            Self::Bool(truth) => attr_json::write_bool(out, *truth),
            Self::Int(number) => attr_json::write_int(out, *number),
            Self::Double(number) => attr_json::write_double(out, *number),
            Self::Bytes(bytes) => attr_json::write_bytes(out, bytes),
            Self::Nested(value) => attr_json::write_value(out, value),
        }
    }
}

fn read_array(values: &mut Vec<Value>, message: &[u8], depth: usize) -> Result<(), Fault> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        if tag.field() != 1 {
            reader.skip(tag)?;
            continue;
        }
        let at = values.len();
        let value = reader.bytes(tag).and_then(|item| AnyValue::read(item, depth));
        values.push(value.map_err(|fault| fault.within_item("values", at))?.into_value());
    }
    Ok(())
}

fn read_entries(entries: &mut Attributes, message: &[u8], depth: usize) -> Result<(), Fault> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        if tag.field() != 1 {
            reader.skip(tag)?;
            continue;
        }
        let at = entries.len();
        let entry = reader.bytes(tag).and_then(|item| key_value(item, depth));
        let (key, value) = entry.map_err(|fault| fault.within_item("values", at))?;
        entries.push((key.to_owned(), value.into_value()));
    }
    Ok(())
}

/// Reads a `KeyValue`.
#[inline]
pub(super) fn key_value(message: &[u8], depth: usize) -> Result<(&str, AnyValue<'_>), Fault> {
    let mut key = "";
    let mut value = AnyValue::Null;
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match tag.field() {
            1 => key = reader.string(tag).map_err(|fault| fault.within("key"))?,
            2 => {
                let message = reader.bytes(tag).map_err(|fault| fault.within("value"))?;
                value.merge(message, depth).map_err(|fault| fault.within("value"))?;
            }
            3 => {
                reader.int32(tag).map_err(|fault| fault.within("key_strindex"))?;
            }
            _ => reader.skip(tag)?,
        }
    }
    Ok((key, value))
}

/// Where attributes of an item go.
pub(super) trait AttributeSink {
    /// Takes one attribute of the item under way.
    fn put(&mut self, key: &str, value: &AnyValue<'_>);

    /// Takes one attribute by its key's bytes; `false` when the key is not known to be text, or
    /// the value is none of the usual ones.
    #[inline]
    fn put_known(&mut self, _key: &[u8], _value: Plain<'_>) -> bool {
        false
    }
}

macro_rules! sink {
    ($builder:ty) => {
        impl AttributeSink for $builder {
            fn put(&mut self, key: &str, value: &AnyValue<'_>) {
                match value {
                    AnyValue::String(text) => self.attribute_str(key, text),
                    AnyValue::Int(number) => self.attribute_int(key, *number),
                    AnyValue::Bool(truth) => self.attribute_bool(key, *truth),
                    AnyValue::Double(number) => self.attribute_double(key, *number),
                    other => self.attribute_json(key, |out| other.write_json(out)),
                }
            }

            #[inline]
            fn put_known(&mut self, key: &[u8], value: Plain<'_>) -> bool {
                let Some(column) = self.find_attribute(key) else { return false };
                match value {
                    Plain::String(text) => self.attribute_str_at(column, text),
                    Plain::Int(number) => self.attribute_int_at(column, number),
                    Plain::Bool(truth) => self.attribute_bool_at(column, truth),
                    Plain::Double(number) => self.attribute_double_at(column, number),
                }
                true
            }
        }
    };
}
sink!(SpanBatchBuilder);
sink!(LogBatchBuilder);

/// The values that nearly all attributes have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plain<'a> {
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
}

/// Splits a `KeyValue` that is written as every SDK writes it: a key and a plain value, each once
/// and in this order, in fewer than 128 bytes each. Everything else takes the long way.
#[inline]
fn plain(message: &[u8]) -> Option<(&[u8], Plain<'_>)> {
    let [0x0a, length @ ..0x80, rest @ ..] = message else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*length))?;
    let [0x12, length @ ..0x80, value @ ..] = rest else { return None };
    if usize::from(*length) != value.len() {
        return None;
    }
    let value = match value {
        [0x0a, length @ ..0x80, text @ ..] if usize::from(*length) == text.len() => {
            Plain::String(std::str::from_utf8(text).ok()?)
        }
        [0x10, truth @ ..0x80] => Plain::Bool(*truth != 0),
        [0x18, low @ ..0x80] => Plain::Int(i64::from(*low)),
        [0x18, low, high @ ..0x80] if *low >= 0x80 => {
            Plain::Int(i64::from(low & 0x7f) | i64::from(*high) << 7)
        }
        [0x21, bits @ ..] => Plain::Double(f64::from_le_bytes(bits.try_into().ok()?)),
        _ => return None,
    };
    Some((key, value))
}

/// Attributes of a message as attribute JSON, written as they come.
#[derive(Debug, Default)]
pub(super) struct JsonText(String);

impl JsonText {
    /// Forgets what was written; keeps the room.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The object, or nothing when no attribute was put.
    pub(super) fn close(&mut self) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(&self.0)
    }
}

impl AttributeSink for JsonText {
    fn put(&mut self, key: &str, value: &AnyValue<'_>) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        attr_json::write_string(&mut self.0, key);
        self.0.push(':');
        value.write_json(&mut self.0);
    }
}

/// Reads an attribute into a sink.
#[inline]
pub(super) fn put(message: &[u8], sink: &mut impl AttributeSink) -> Result<(), Fault> {
    if let Some((key, value)) = plain(message)
        && sink.put_known(key, value)
    {
        return Ok(());
    }
    put_any(message, sink)
}

fn put_any(message: &[u8], sink: &mut impl AttributeSink) -> Result<(), Fault> {
    let (key, value) = key_value(message, 1)?;
    sink.put(key, &value);
    Ok(())
}

/// Attributes of a metric point as JSON with sorted keys, so that one series has one text.
#[derive(Debug, Default)]
pub(super) struct SortedJson {
    /// `"key":value` of each attribute one after the other.
    parts: String,
    /// Where each part's bytes are.
    ranges: Vec<(usize, usize)>,
    text: String,
}

impl SortedJson {
    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.ranges.clear();
    }

    /// Reads one more attribute.
    pub(super) fn add(&mut self, message: Result<&[u8], Fault>) -> Result<(), Fault> {
        let at = self.ranges.len();
        let read = message.and_then(|message| key_value(message, 1));
        let (key, value) = read.map_err(|fault| fault.within_item("attributes", at))?;
        let start = self.parts.len();
        attr_json::write_string(&mut self.parts, key);
        self.parts.push(':');
        value.write_json(&mut self.parts);
        self.ranges.push((start, self.parts.len()));
        Ok(())
    }

    /// The object; `{}` when there are no attributes.
    pub(super) fn close(&mut self) -> &str {
        let part = |&(start, end): &(usize, usize)| self.parts.get(start..end).unwrap_or_default();
        // Comparing `"key":value` texts sorts by key: the closing quote is below every character
        // that a key can hold but the space and `!`, which only makes the order another one.
        self.ranges.sort_by(|a, b| part(a).cmp(part(b)));
        self.text.clear();
        self.text.push('{');
        for (i, range) in self.ranges.iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            self.text.push_str(part(range));
        }
        self.text.push('}');
        &self.text
    }
}
