//! Scalars and comparisons of them.

use std::fmt::{self, Display, Formatter};

use super::super::{Aggregate, BinaryOp, Literal, ScalarExpr, ScalarFilter};
use super::bracketed;

fn precedence(expression: &ScalarExpr) -> u8 {
    match expression {
        ScalarExpr::Operation { op, .. } => op.precedence(),
        _ => u8::MAX,
    }
}

impl Display for ScalarFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.op.sign(), self.right)
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.operand {
            Some(operand) => write!(f, "{}({operand})", self.function.name()),
            None => write!(f, "{}()", self.function.name()),
        }
    }
}

impl Display for ScalarExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => number(f, literal),
            Self::Aggregate(aggregate) => aggregate.fmt(f),
            Self::Pipeline(pipeline, aggregate) => write!(f, "({pipeline} | {aggregate})"),
            Self::Operation { op, left, right, .. } => {
                let binds = op.precedence();
                let right_associative = *op == BinaryOp::Pow;
                let (left_binds, right_binds) = (precedence(left), precedence(right));
                bracketed(f, left_binds < binds || (right_associative && left_binds == binds), left)?;
                write!(f, " {} ", op.sign())?;
                bracketed(f, right_binds < binds || (!right_associative && right_binds == binds), right)
            }
        }
    }
}

/// A number outside `{ }`, where the smallest integer and what division by zero gives have no
/// name and no digits.
pub(super) fn number(f: &mut Formatter<'_>, literal: &Literal) -> fmt::Result {
    match literal {
        Literal::Int(i64::MIN) => write!(f, "({} - 1)", -i64::MAX),
        Literal::Float(infinite) if infinite.is_infinite() => {
            write!(f, "({}1.0 / 0.0)", if *infinite < 0.0 { "-" } else { "" })
        }
        Literal::Float(number) if number.is_nan() => f.write_str("(0.0 / 0.0)"),
        literal => literal.fmt(f),
    }
}
