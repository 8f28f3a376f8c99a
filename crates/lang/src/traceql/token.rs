//! What the lexer gives the parser.

use super::{AttributeScope, Position};

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A keyword, intrinsic or function name; the parser decides which.
    Word(String),
    /// A quoted string, unquoted.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A whole attribute: `.x`, `span."a b"`, `parent.resource.x`.
    Attribute { scope: AttributeScope, parent: bool, name: String },
    /// `span:` and its like, without the colon.
    ScopeColon(&'static str),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) position: Position,
}

impl Token {
    /// The token as an error message names it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", shorten(word)),
            Self::Text(text) => format!("string {:?}", shorten(text)),
            Self::Int(number) => format!("number {number}"),
            Self::Float(number) => format!("number {number:?}"),
            Self::Duration(nanos) => format!("duration {}", super::format_duration(*nanos)),
            Self::Attribute { name, .. } => format!("attribute {:?}", shorten(name)),
            Self::ScopeColon(scope) => format!("`{scope}:`"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end of the query".to_owned(),
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}
