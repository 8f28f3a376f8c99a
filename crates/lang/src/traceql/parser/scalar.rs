//! Aggregates, arithmetic between constants, and comparisons of scalars.

use super::super::token::Token;
use super::super::{
    Aggregate, AggregateFunction, BinaryOp, Error, Literal, Position, ScalarExpr, ScalarFilter,
};
use super::Parser;
use super::node::Node;

impl Parser {
    /// `count()` or `avg(x)`, if the next word is an aggregate.
    pub(super) fn try_aggregate(&mut self) -> Result<Option<Aggregate>, Error> {
        let position = self.position();
        let function = self
            .word()
            .and_then(|word| AggregateFunction::ALL.into_iter().find(|function| function.name() == word));
        let Some(function) = function else {
            return Ok(None);
        };
        self.advance();
        self.expect("(")?;
        let operand = match function {
            AggregateFunction::Count => None,
            _ => Some(Box::new(self.field(0)?)),
        };
        self.expect(")")?;
        Ok(Some(Aggregate { function, operand, position }))
    }

    /// One of `= != < <= > >=`, if it is next.
    pub(super) fn comparison_op(&self) -> Option<BinaryOp> {
        let op = self.binary_op()?;
        let ordered = !matches!(op, BinaryOp::Regex | BinaryOp::NotRegex);
        (op.is_comparison() && ordered).then_some(op)
    }

    /// The operator and the right side of `left op right`; the left side is no constant.
    pub(super) fn scalar_filter(&mut self, left: Node) -> Result<ScalarFilter, Error> {
        let (op, position) = self.take_comparison()?;
        let right_position = self.position();
        let right = self.expression(BinaryOp::Add.precedence())?;
        match (left, right) {
            (Node::Constant(_), Node::Constant(_)) => {
                Err(Error::syntax(position, "one side of the comparison must be an aggregate"))
            }
            (left, right) => match (left.into_scalar(), right.into_scalar()) {
                (Some(left), Some(right)) => Ok(ScalarFilter { op, position, left, right }),
                _ => Err(Error::syntax(right_position, "expected a number or an aggregate")),
            },
        }
    }

    /// `(…|count()) > (…|count())`, or a number on the right.
    pub(super) fn pipeline_comparison(&mut self, left: ScalarExpr) -> Result<ScalarFilter, Error> {
        let (op, position) = self.take_comparison()?;
        let right_position = self.position();
        let right = match self.expression(BinaryOp::Add.precedence())? {
            Node::PipelineScalar(right) => right,
            Node::Constant(number) => ScalarExpr::Literal(number),
            _ => {
                let message = "expected a number or a pipeline that ends in an aggregate";
                return Err(Error::syntax(right_position, message));
            }
        };
        Ok(ScalarFilter { op, position, left, right })
    }

    fn take_comparison(&mut self) -> Result<(BinaryOp, Position), Error> {
        let position = self.position();
        let Some(op) = self.comparison_op() else {
            return Err(self.unexpected("a comparison"));
        };
        self.count_operator()?;
        self.advance();
        Ok((op, position))
    }

    /// An expression of numbers alone, folded.
    pub(super) fn constant(&mut self) -> Result<Literal, Error> {
        let position = self.position();
        match self.expression(BinaryOp::Add.precedence())? {
            Node::Constant(literal) => Ok(literal),
            _ => Err(Error::syntax(position, "expected a number")),
        }
    }

    /// A number or a duration, if one is next; a sign in front is read elsewhere.
    pub(super) fn try_number(&mut self) -> Option<Literal> {
        match self.peek() {
            Token::Int(_) | Token::Float(_) | Token::Duration(_) => self.try_literal(),
            _ => None,
        }
    }

    /// A whole number without a sign, as `topk(5)` takes.
    pub(super) fn integer(&mut self) -> Result<i64, Error> {
        match *self.peek() {
            Token::Int(number) => {
                self.advance();
                Ok(number)
            }
            _ => Err(self.unexpected("a whole number")),
        }
    }
}

/// Negates a constant, keeping its type.
pub(super) fn negate(literal: &Literal) -> Option<Literal> {
    Some(match literal {
        Literal::Int(number) => Literal::Int(number.wrapping_neg()),
        Literal::Float(number) => Literal::Float(-number),
        Literal::Duration(nanos) => Literal::Duration(nanos.wrapping_neg()),
        _ => return None,
    })
}

/// Arithmetic between two constants: whole numbers stay whole, as in Go.
pub(super) fn fold(
    op: BinaryOp,
    position: Position,
    left: &Literal,
    right: &Literal,
) -> Result<Literal, Error> {
    let number = |literal: &Literal| match literal {
        #[allow(clippy::cast_precision_loss, reason = "numbers mix as floats")]
        Literal::Int(number) => Some(*number as f64),
        Literal::Float(number) => Some(*number),
        _ => None,
    };
    let (Some(x), Some(y)) = (number(left), number(right)) else {
        return Err(Error::syntax(position, "a duration cannot be used in arithmetic here"));
    };
    if let (Literal::Int(x), Literal::Int(y)) = (left, right) {
        let folded = match op {
            BinaryOp::Add => Some(x.wrapping_add(*y)),
            BinaryOp::Sub => Some(x.wrapping_sub(*y)),
            BinaryOp::Mul => Some(x.wrapping_mul(*y)),
            BinaryOp::Div if *y == 0 => return Err(Error::syntax(position, "division by zero")),
            BinaryOp::Div => Some(x.wrapping_div(*y)),
            _ => None,
        };
        return folded.map(Literal::Int).ok_or_else(|| unusable(op, position));
    }
    Ok(Literal::Float(match op {
        BinaryOp::Add => x + y,
        BinaryOp::Sub => x - y,
        BinaryOp::Mul => x * y,
        BinaryOp::Div => x / y,
        _ => return Err(unusable(op, position)),
    }))
}

fn unusable(op: BinaryOp, position: Position) -> Error {
    Error::syntax(position, format!("`{}` cannot join two numbers here", op.sign()))
}
