//! The one error of the TraceQL parser and checker, with its place in the query text.

use std::fmt;

/// A byte offset into the query text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u32);

impl Position {
    pub(crate) fn at(offset: usize) -> Self {
        Self(u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text does not follow the grammar.
    Syntax,
    /// The text parses but means nothing: types that do not match, a bad regular expression.
    Invalid,
    /// The text is TraceQL that no implementation runs, such as `parent`.
    Unsupported,
    /// The query is longer or nested deeper than the parser allows.
    TooComplex,
}

/// Why a query was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    position: Position,
    line_column: Option<(u32, u32)>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, position: Position, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position, line_column: None }
    }

    pub(crate) fn syntax(position: Position, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Syntax, position, message)
    }

    pub(crate) fn invalid(position: Position, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, position, message)
    }

    pub(crate) fn unsupported(position: Position, feature: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unsupported, position, format!("{feature} is not supported"))
    }

    pub(crate) fn too_complex(position: Position, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooComplex, position, message)
    }

    /// Adds line and column, counted from 1 in characters, so that the message names them.
    #[must_use]
    pub fn located_in(mut self, text: &str) -> Self {
        let offset = usize::try_from(self.position.0).unwrap_or(usize::MAX).min(text.len());
        let before: &[u8] = text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        // Bytes that do not continue a UTF-8 sequence are the characters.
        let column = in_line.iter().filter(|byte| (**byte & 0xC0) != 0x80).count() + 1;
        self.line_column = u32::try_from(line).ok().zip(u32::try_from(column).ok());
        self
    }

    /// What kind of refusal this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where in the text, as a byte offset.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The reason alone, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line_column {
            Some((line, column)) => {
                write!(f, "{} at line {line}, column {column}", self.message)
            }
            None => write!(f, "{} at offset {}", self.message, self.position.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "{ name = \"ä\"\n && ? }";
        let offset = text.find('?').unwrap();
        let error = Error::syntax(Position::at(offset), "unexpected").located_in(text);
        assert_eq!(error.to_string(), "unexpected at line 2, column 5");
    }
}
