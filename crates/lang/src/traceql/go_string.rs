//! Quoted strings with Go's escapes, which is what TraceQL uses.

/// Resolves the escapes of the text between two `"`; `None` when an escape is wrong.
pub(crate) fn unquote(body: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            push_char(&mut bytes, c);
            continue;
        }
        match chars.next()? {
            'a' => bytes.push(0x07),
            'b' => bytes.push(0x08),
            'f' => bytes.push(0x0c),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(0x0b),
            '\\' => bytes.push(b'\\'),
            '"' => bytes.push(b'"'),
            'x' => bytes.push(u8::try_from(digits(&mut chars, 2, 16)?).ok()?),
            'u' => push_char(&mut bytes, char::from_u32(digits(&mut chars, 4, 16)?)?),
            'U' => push_char(&mut bytes, char::from_u32(digits(&mut chars, 8, 16)?)?),
            first @ '0'..='7' => {
                let first = first.to_digit(8)?;
                bytes.push(u8::try_from(first * 64 + digits(&mut chars, 2, 8)?).ok()?);
            }
            _ => return None,
        }
    }
    Some(String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
}

fn push_char(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<u32> {
    (0..count)
        .try_fold(0u32, |value, _| value.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}

/// Quotes text so that [`unquote`] gives it back.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_go_escapes() {
        assert_eq!(unquote(r#"a\"b\\c\n\t\x41\u00e4\101"#).unwrap(), "a\"b\\c\n\tAäA");
    }

    #[test]
    fn refuses_escapes_that_go_does_not_know() {
        for bad in [r"\.", r"\'", r"\x4", r"\u12", r"\400", r"\ud800", "\\"] {
            assert_eq!(unquote(bad), None, "{bad}");
        }
    }

    #[test]
    fn quoted_text_reads_back() {
        for text in ["", "plain", "a\"b\\c\n\r\t\u{1}\u{7f}ä"] {
            let quoted = quote(text);
            assert_eq!(unquote(&quoted[1..quoted.len() - 1]).as_deref(), Some(text));
        }
    }
}
