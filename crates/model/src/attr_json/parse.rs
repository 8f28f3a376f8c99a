//! Reading attribute JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_DEPTH;
use crate::value::{Attributes, Value};

/// Text is no attribute JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute JSON, byte {at}: expected {expected}")]
pub struct JsonError {
    /// Byte offset of the fault.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

/// Reads an object; keys keep their order and may repeat.
///
/// # Errors
/// Text that [`super::write_attributes`] could not have written.
pub fn parse_attributes(text: &str) -> Result<Attributes, JsonError> {
    let mut parser = Parser { text, at: 0 };
    parser.space();
    parser.expect(b'{', "{")?;
    let entries = parser.entries(0)?;
    parser.end()?;
    Ok(entries)
}

/// Reads one value.
///
/// # Errors
/// Text that [`super::write_value`] could not have written.
pub fn parse_value(text: &str) -> Result<Value, JsonError> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.end()?;
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn fail<T>(&self, expected: &'static str) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, expected })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return self.fail(name);
        }
        self.at += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { self.fail("end of text") }
    }

    fn literal(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return self.fail(word);
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return self.fail("less nesting");
        }
        self.space();
        match self.peek() {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b'[') => self.array(depth),
            Some(b'{') => {
                self.at += 1;
                let entries = self.entries(depth)?;
                Ok(unescape(entries))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fail("a value"),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(values));
                }
                _ => return self.fail(", or ]"),
            }
        }
    }

    /// After the opening brace.
    fn entries(&mut self, depth: usize) -> Result<Attributes, JsonError> {
        let mut entries = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(entries);
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fail("a key");
            }
            let key = self.string()?;
            self.space();
            self.expect(b':', ":")?;
            entries.push((key, self.value(depth + 1)?));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(entries);
                }
                _ => return self.fail(", or }"),
            }
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let number = if digits.contains(['.', 'e', 'E']) {
            digits.parse().ok().map(Value::Double)
        } else {
            digits.parse().ok().map(Value::Int)
        };
        number.map_or_else(|| self.fail("a number"), Ok)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        let mut plain_from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    out.push_str(self.text.get(plain_from..self.at).unwrap_or_default());
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(self.text.get(plain_from..self.at).unwrap_or_default());
                    self.at += 1;
                    out.push(self.escape()?);
                    plain_from = self.at;
                }
                Some(_) => self.at += 1,
                None => return self.fail("\""),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex4()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high).map_or_else(|| self.fail("a character"), Ok);
                }
                self.expect(b'\\', "a low surrogate")?;
                self.expect(b'u', "a low surrogate")?;
                let low = self.hex4()?;
                if !(0xdc00..0xe000).contains(&low) {
                    return self.fail("a low surrogate");
                }
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(code).map_or_else(|| self.fail("a character"), Ok);
            }
            _ => return self.fail("an escape"),
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.map_or_else(|| self.fail("four hexadecimal digits"), Ok)
    }
}

fn unescape(mut entries: Attributes) -> Value {
    let [(key, value)] = entries.as_mut_slice() else {
        return Value::Map(entries);
    };
    let special = match (key.as_str(), value) {
        ("$double", Value::String(name)) => name.parse().ok().map(Value::Double),
        ("$bytes", Value::String(text)) => STANDARD.decode(text).ok().map(Value::Bytes),
        ("$map", Value::Array(pairs)) => pairs.iter_mut().map(pair).collect::<Option<_>>().map(Value::Map),
        _ => None,
    };
    special.unwrap_or(Value::Map(entries))
}

fn pair(value: &mut Value) -> Option<(String, Value)> {
    match value {
        Value::Array(two) => match two.as_mut_slice() {
            [Value::String(key), value] => Some((std::mem::take(key), std::mem::replace(value, Value::Null))),
            _ => None,
        },
        _ => None,
    }
}
