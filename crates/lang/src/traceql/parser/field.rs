//! Expressions over one span.

use super::super::token::Token;
use super::super::{BinaryOp, Error, FieldExpr, Literal, SpansetFilter, UnaryOp};
use super::Parser;

impl Parser {
    /// `{ … }`
    pub(super) fn spanset_filter(&mut self) -> Result<SpansetFilter, Error> {
        let position = self.position();
        self.expect("{")?;
        if self.eat("}") {
            return Ok(SpansetFilter { predicate: Box::new(FieldExpr::always()), position });
        }
        let predicate = Box::new(self.field(0)?);
        self.expect("}")?;
        Ok(SpansetFilter { predicate, position })
    }

    /// An expression whose operators bind at least as tightly as `minimum`.
    pub(crate) fn field(&mut self, minimum: u8) -> Result<FieldExpr, Error> {
        self.nested(|parser| {
            let mut left = parser.field_operand()?;
            while let Some(op) = parser.binary_op() {
                if op.precedence() < minimum {
                    break;
                }
                left = parser.field_operation(op, left)?;
            }
            Ok(left)
        })
    }

    fn field_operation(&mut self, op: BinaryOp, left: FieldExpr) -> Result<FieldExpr, Error> {
        let position = self.position();
        self.count_operator()?;
        self.advance();
        if matches!(op, BinaryOp::Eq | BinaryOp::Ne) && self.eat_word("nil") {
            let negated = op == BinaryOp::Eq;
            return Ok(FieldExpr::Exists { negated, position, operand: Box::new(left) });
        }
        let right = self.field(op.precedence() + u8::from(!op.is_right_associative()))?;
        Ok(FieldExpr::Binary { op, position, left: Box::new(left), right: Box::new(right) })
    }

    /// The binary operator that is next.
    pub(crate) fn binary_op(&self) -> Option<BinaryOp> {
        let sign = self.sign()?;
        BinaryOp::ALL.into_iter().find(|op| op.sign() == sign)
    }

    fn field_operand(&mut self) -> Result<FieldExpr, Error> {
        let position = self.position();
        if let Some(op) =
            [UnaryOp::Negate, UnaryOp::Not].into_iter().find(|op| self.sign() == Some(op.sign()))
        {
            self.count_operator()?;
            self.advance();
            let operand = Box::new(self.field(op.precedence() + 1)?);
            return Ok(FieldExpr::Unary { op, position, operand });
        }
        if self.eat("(") {
            let inner = self.field(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.eat_word("nil") {
            return self.nil_comparison();
        }
        if let Some(literal) = self.try_literal() {
            return Ok(FieldExpr::Literal(literal));
        }
        if let Some(attribute) = self.try_attribute()? {
            return Ok(FieldExpr::Attribute(attribute));
        }
        Err(self.unexpected("a field or a value"))
    }

    /// `= x` or `!= x` after `nil`.
    fn nil_comparison(&mut self) -> Result<FieldExpr, Error> {
        let position = self.position();
        let negated = match self.sign() {
            Some("=") => true,
            Some("!=") => false,
            _ => return Err(self.unexpected("`=` or `!=` after `nil`")),
        };
        self.count_operator()?;
        self.advance();
        if self.eat_word("nil") {
            return Ok(FieldExpr::Literal(Literal::Bool(false)));
        }
        let operand = Box::new(self.field(BinaryOp::Eq.precedence() + 1)?);
        Ok(FieldExpr::Exists { negated, position, operand })
    }

    /// One value, if one stands here.
    pub(super) fn try_literal(&mut self) -> Option<Literal> {
        let literal = match self.peek() {
            Token::Text(text) => Literal::String(text.clone()),
            Token::Int(number) => Literal::Int(*number),
            Token::Float(number) => Literal::Float(*number),
            Token::Duration(nanos) => Literal::Duration(*nanos),
            Token::Word(word) => Literal::from_word(word)?,
            _ => return None,
        };
        self.advance();
        Some(literal)
    }
}
