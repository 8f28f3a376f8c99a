//! Expressions over one span.

use std::fmt::{self, Display, Formatter};

use super::super::{BinaryOp, FieldExpr};
use super::bracketed;

/// How tightly the outermost operator of a printed expression binds.
fn precedence(expression: &FieldExpr) -> u8 {
    match expression {
        FieldExpr::Literal(_) | FieldExpr::Attribute(_) => u8::MAX,
        FieldExpr::Unary { op, .. } => op.precedence(),
        FieldExpr::Exists { .. } => BinaryOp::Eq.precedence(),
        FieldExpr::Binary { op, .. } => op.precedence(),
    }
}

impl Display for FieldExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => literal.fmt(f),
            Self::Attribute(attribute) => attribute.fmt(f),
            Self::Unary { op, operand, .. } => {
                f.write_str(op.sign())?;
                bracketed(f, precedence(operand) <= op.precedence(), operand)
            }
            Self::Exists { negated, operand, .. } => {
                bracketed(f, precedence(operand) < BinaryOp::Eq.precedence(), operand)?;
                f.write_str(if *negated { " = nil" } else { " != nil" })
            }
            Self::Binary { op, left, right, .. } => {
                let binds = op.precedence();
                let (left_binds, right_binds) = (precedence(left), precedence(right));
                let right_associative = op.is_right_associative();
                let brackets_left = left_binds < binds || (right_associative && left_binds == binds);
                bracketed(f, brackets_left, left)?;
                write!(f, " {} ", op.sign())?;
                let brackets_right = right_binds < binds || (!right_associative && right_binds == binds);
                bracketed(f, brackets_right, right)
            }
        }
    }
}
