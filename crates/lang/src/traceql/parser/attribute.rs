//! Fields: `duration`, `span:id`, `.x`, `resource.service.name`.

use super::super::token::Token;
use super::super::{Attribute, Error, FieldRef, Intrinsic};
use super::Parser;

impl Parser {
    /// One field, or an error that one is expected.
    pub(crate) fn attribute(&mut self) -> Result<Attribute, Error> {
        match self.try_attribute()? {
            Some(attribute) => Ok(attribute),
            None => Err(self.unexpected("an attribute or intrinsic field")),
        }
    }

    /// One field, if one stands here.
    pub(super) fn try_attribute(&mut self) -> Result<Option<Attribute>, Error> {
        let position = self.position();
        let field = match self.peek() {
            Token::Attribute { scope, parent, name } => {
                FieldRef::Attribute { scope: *scope, parent: *parent, name: name.clone() }
            }
            Token::Word(word) => match Intrinsic::from_word(word) {
                Some(intrinsic) => FieldRef::Intrinsic(intrinsic),
                None => return Ok(None),
            },
            Token::ScopeColon(scope) => {
                let scope = *scope;
                self.advance();
                let intrinsic = self.word().and_then(|word| Intrinsic::from_scoped(scope, word));
                match intrinsic {
                    Some(intrinsic) => FieldRef::Intrinsic(intrinsic),
                    None => return Err(self.unexpected(&format!("an intrinsic of `{scope}:`"))),
                }
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Attribute { field, position }))
    }

    /// `( a, b, … )`
    pub(super) fn attribute_list(&mut self) -> Result<Vec<Attribute>, Error> {
        self.expect("(")?;
        let mut attributes = vec![self.attribute()?];
        while self.eat(",") {
            attributes.push(self.attribute()?);
        }
        self.expect(")")?;
        Ok(attributes)
    }
}
