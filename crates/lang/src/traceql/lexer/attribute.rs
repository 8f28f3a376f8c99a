//! Attribute names: `.x`, `span.http.route`, `resource."a b".c`, `parent.span.x`.

use super::super::token::Token;
use super::super::{AttributeScope, Error, Position};
use super::Lexer;

/// Whether a character can stand in an attribute's name without quotes.
pub(crate) fn is_attribute_char(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,".contains(c)
}

/// The scope that a word before a dot names, and whether it is `parent`.
pub(super) fn dotted_scope(word: &str) -> Option<(AttributeScope, bool)> {
    Some(match word {
        "span" => (AttributeScope::Span, false),
        "resource" => (AttributeScope::Resource, false),
        "event" => (AttributeScope::Event, false),
        "link" => (AttributeScope::Link, false),
        "instrumentation" => (AttributeScope::Instrumentation, false),
        "parent" => (AttributeScope::Any, true),
        _ => return None,
    })
}

impl Lexer<'_> {
    /// Reads the name after the dot.
    pub(super) fn attribute(
        &mut self,
        mut scope: AttributeScope,
        parent: bool,
        position: Position,
    ) -> Result<Token, Error> {
        if parent {
            for (prefix, inner) in [("span.", AttributeScope::Span), ("resource.", AttributeScope::Resource)]
            {
                if scope == AttributeScope::Any && self.rest().starts_with(prefix) {
                    self.advance(prefix.len());
                    scope = inner;
                }
            }
        }
        if !self.peek().is_some_and(is_attribute_char) {
            return Err(Error::syntax(position, "an attribute name is missing after the dot"));
        }
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c == '"' {
                self.quoted_part(&mut name)?;
            } else if is_attribute_char(c) {
                name.push_str(self.take_while(|c| c != '"' && is_attribute_char(c)));
            } else {
                break;
            }
        }
        Ok(Token::Attribute { scope, parent, name })
    }

    fn quoted_part(&mut self, name: &mut String) -> Result<(), Error> {
        let position = self.position();
        self.advance(1);
        while let Some(c) = self.peek() {
            self.advance(c.len_utf8());
            match c {
                '"' => return Ok(()),
                '\\' => match self.peek() {
                    Some(escaped @ ('"' | '\\')) => {
                        self.advance(1);
                        name.push(escaped);
                    }
                    _ => {
                        return Err(Error::syntax(
                            position,
                            "only \\\" and \\\\ are escapes in an attribute name",
                        ));
                    }
                },
                c => name.push(c),
            }
        }
        Err(Error::syntax(position, "quoted attribute name is not closed"))
    }
}
