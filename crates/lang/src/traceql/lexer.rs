//! Text to tokens. Follows Tempo's lexer: an attribute's name runs until a character that cannot
//! be part of one (so `.a+1` is one attribute), `//` and `/* */` are comments, and a number that
//! is followed by units is a duration.

mod attribute;
mod number;

use super::go_string::unquote;
use super::token::{Lexeme, Token};
use super::{Error, Position};

pub(crate) use attribute::is_attribute_char;

/// Operators and brackets, the longer ones first.
const SIGNS: [&str; 35] = [
    "!>>", "!<<", "&>>", "&<<", "&&", "||", "!=", "=~", "!~", ">=", "<=", ">>", "<<", "!>", "!<", "&>", "&<",
    "&~", ",", "{", "}", "(", ")", "=", ">", "<", "+", "-", "/", "%", "*", "^", "!", "|", "~",
];

const COLON_SCOPES: [&str; 5] = ["trace", "span", "event", "link", "instrumentation"];

/// All tokens of a text up to its end or the first fault. The last token is always the end.
pub(crate) fn tokenize(text: &str) -> (Vec<Lexeme>, Option<Error>) {
    let mut lexer = Lexer { text, offset: 0 };
    let mut lexemes = Vec::new();
    loop {
        match lexer.next_lexeme() {
            Ok(lexeme) => {
                let ended = lexeme.token == Token::End;
                lexemes.push(lexeme);
                if ended {
                    return (lexemes, None);
                }
            }
            Err(error) => {
                lexemes.push(Lexeme { token: Token::End, position: error.position() });
                return (lexemes, Some(error));
            }
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn position(&self) -> Position {
        Position::at(self.offset)
    }

    fn advance(&mut self, bytes: usize) {
        self.offset += bytes;
    }

    /// Takes characters as long as they satisfy the condition.
    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.advance(end);
        rest.get(..end).unwrap_or_default()
    }

    fn next_lexeme(&mut self) -> Result<Lexeme, Error> {
        self.skip_blanks()?;
        let position = self.position();
        let token = self.next_token(position)?;
        Ok(Lexeme { token, position })
    }

    fn skip_blanks(&mut self) -> Result<(), Error> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                let position = self.position();
                let Some(end) = self.rest().find("*/") else {
                    return Err(Error::syntax(position, "comment is not closed"));
                };
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn next_token(&mut self, position: Position) -> Result<Token, Error> {
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        match first {
            '"' => self.quoted(position),
            '`' => self.raw(position),
            '0'..='9' => self.number(position),
            '.' if self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) => self.number(position),
            '.' => {
                self.advance(1);
                self.attribute(super::AttributeScope::Any, false, position)
            }
            c if c == '_' || c.is_alphabetic() => self.word(position),
            c => self.sign(c, position),
        }
    }

    fn sign(&mut self, first: char, position: Position) -> Result<Token, Error> {
        let rest = self.rest();
        if first == '[' {
            return Err(Error::syntax(position, "there are no array literals in TraceQL"));
        }
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.advance(sign.len());
                Ok(Token::Sign(sign))
            }
            None => Err(Error::syntax(position, format!("unexpected character {first:?}"))),
        }
    }

    fn word(&mut self, position: Position) -> Result<Token, Error> {
        let word = self.take_while(|c| c == '_' || c.is_alphabetic() || c.is_numeric());
        if self.peek() == Some('.')
            && let Some((scope, parent)) = attribute::dotted_scope(word)
        {
            self.advance(1);
            return self.attribute(scope, parent, position);
        }
        if self.peek() == Some(':')
            && let Some(scope) = COLON_SCOPES.iter().find(|scope| **scope == word)
        {
            self.advance(1);
            return Ok(Token::ScopeColon(scope));
        }
        Ok(Token::Word(word.to_owned()))
    }

    fn quoted(&mut self, position: Position) -> Result<Token, Error> {
        self.advance(1);
        let body = self.rest();
        let mut escaped = false;
        let end = body.char_indices().find(|(_, c)| {
            let ends = *c == '\n' || (*c == '"' && !escaped);
            escaped = *c == '\\' && !escaped;
            ends
        });
        let Some((end, '"')) = end else {
            return Err(Error::syntax(position, "string is not closed"));
        };
        self.advance(end + 1);
        unquote(body.get(..end).unwrap_or_default())
            .map(Token::Text)
            .ok_or_else(|| Error::syntax(position, "string has an unknown escape sequence"))
    }

    fn raw(&mut self, position: Position) -> Result<Token, Error> {
        self.advance(1);
        let body = self.take_while(|c| c != '`');
        if self.peek().is_none() {
            return Err(Error::syntax(position, "string is not closed"));
        }
        self.advance(1);
        Ok(Token::Text(body.replace('\r', "")))
    }
}

#[cfg(test)]
mod tests;
