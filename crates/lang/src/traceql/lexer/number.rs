//! Numbers and durations.

use super::super::duration::parse_duration;
use super::super::token::Token;
use super::super::{Error, Position};
use super::Lexer;

impl Lexer<'_> {
    pub(super) fn number(&mut self, position: Position) -> Result<Token, Error> {
        let text = self.rest();
        let length = number_length(text);
        let digits = text.get(..length).unwrap_or_default();
        let tail = text.get(length..).unwrap_or_default();
        let units = tail.find(|c: char| !is_duration_char(c)).unwrap_or(tail.len());
        if units > 0
            && let Some(nanos) = parse_duration(text.get(..length + units).unwrap_or_default())
        {
            self.advance(length + units);
            return Ok(Token::Duration(nanos));
        }
        self.advance(length);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits
                .parse()
                .map(Token::Int)
                .map_err(|_| Error::syntax(position, "number does not fit in 64 bits"));
        }
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Float(number)),
            _ => Err(Error::syntax(position, "number does not fit in 64 bits")),
        }
    }
}

fn is_duration_char(c: char) -> bool {
    c.is_numeric() || c == '.' || "nsumhµdwy".contains(c)
}

/// The bytes of `12`, `1.5`, `.5`, `1.` or `1e-3` at the start of the text.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits_from = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits_from(0);
    if bytes.get(length) == Some(&b'.') {
        length += 1;
        length += digits_from(length);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits_from(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}
