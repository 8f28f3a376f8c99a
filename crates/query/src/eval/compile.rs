//! Expressions made ready to run on many spans.

use regex::Regex;
use throughline_lang::traceql::{BinaryOp, FieldExpr, FieldRef, Literal, UnaryOp, compile_anchored};

use super::predicate::Predicate;
use crate::{Error, Result};

/// An expression made ready to run.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Literal(Literal),
    Field(FieldRef),
    /// All must be true; false as soon as one is not, whatever it is instead.
    All(Vec<Node>),
    Any(Vec<Node>),
    /// Decided over all events and links on its own.
    Not(Box<Predicate>),
    /// `!` of what may be no boolean: then it has no value.
    Invert(Box<Node>),
    Negate(Box<Node>),
    Exists(Box<Node>),
    Compare(BinaryOp, Box<Node>, Box<Node>),
    Regex {
        negated: bool,
        text: Box<Node>,
        pattern: Box<Regex>,
    },
    Arithmetic(BinaryOp, Box<Node>, Box<Node>),
}

/// Makes an expression ready to run.
///
/// # Errors
/// A regular expression that does not compile; a checked query has none.
pub(crate) fn compile(expression: &FieldExpr) -> Result<Node> {
    Ok(match expression {
        FieldExpr::Literal(literal) => Node::Literal(literal.clone()),
        FieldExpr::Attribute(attribute) => Node::Field(attribute.field.clone()),
        FieldExpr::Unary { op: UnaryOp::Negate, operand, .. } => Node::Negate(Box::new(compile(operand)?)),
        FieldExpr::Unary { op: UnaryOp::Not, operand, .. } => {
            let inner = compile(operand)?;
            match inner.is_boolean() {
                true => Node::Not(Box::new(Predicate::new(inner))),
                false => Node::Invert(Box::new(inner)),
            }
        }
        FieldExpr::Exists { negated, operand, .. } => {
            let exists = Node::Exists(Box::new(compile(operand)?));
            match negated {
                true => Node::Not(Box::new(Predicate::new(exists))),
                false => exists,
            }
        }
        FieldExpr::Binary { op, left, right, position } => match op {
            BinaryOp::And | BinaryOp::Or => chain(*op, left, right)?,
            BinaryOp::Regex | BinaryOp::NotRegex => {
                let FieldExpr::Literal(Literal::String(text)) = &**right else {
                    return Err(Error::invalid("a pattern must be a string").at(*position));
                };
                let pattern = compile_anchored(text)
                    .map_err(|error| Error::invalid(format!("pattern {text:?}: {error}")).at(*position))?;
                Node::Regex {
                    negated: *op == BinaryOp::NotRegex,
                    text: Box::new(compile(left)?),
                    pattern: Box::new(pattern),
                }
            }
            op if op.is_arithmetic() => {
                Node::Arithmetic(*op, Box::new(compile(left)?), Box::new(compile(right)?))
            }
            op => Node::Compare(*op, Box::new(compile(left)?), Box::new(compile(right)?)),
        },
    })
}

/// Joins a chain of one connective into a list, so that it is as deep as it looks.
fn chain(op: BinaryOp, left: &FieldExpr, right: &FieldExpr) -> Result<Node> {
    let mut parts = vec![compile(right)?];
    let mut rest = left;
    while let FieldExpr::Binary { op: inner, left, right, .. } = rest
        && *inner == op
    {
        parts.push(compile(right)?);
        rest = left;
    }
    parts.push(compile(rest)?);
    parts.reverse();
    Ok(if op == BinaryOp::And { Node::All(parts) } else { Node::Any(parts) })
}

impl Node {
    /// Whether the result is a boolean for every span.
    fn is_boolean(&self) -> bool {
        match self {
            Self::Literal(literal) => matches!(literal, Literal::Bool(_)),
            Self::All(_)
            | Self::Any(_)
            | Self::Not(_)
            | Self::Exists(_)
            | Self::Compare(..)
            | Self::Regex { .. } => true,
            Self::Field(_) | Self::Invert(_) | Self::Negate(_) | Self::Arithmetic(..) => false,
        }
    }

    /// Calls `visit` with every field read, but for those under a [`Node::Not`] unless asked.
    pub(crate) fn for_each_field<'a>(&'a self, within_not: bool, visit: &mut dyn FnMut(&'a FieldRef)) {
        match self {
            Self::Literal(_) => {}
            Self::Field(field) => visit(field),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.for_each_field(within_not, visit));
            }
            Self::Not(inner) => {
                if within_not {
                    inner.root().for_each_field(within_not, visit);
                }
            }
            Self::Invert(inner) | Self::Negate(inner) | Self::Exists(inner) => {
                inner.for_each_field(within_not, visit);
            }
            Self::Compare(_, left, right) | Self::Arithmetic(_, left, right) => {
                left.for_each_field(within_not, visit);
                right.for_each_field(within_not, visit);
            }
            Self::Regex { text, .. } => text.for_each_field(within_not, visit),
        }
    }
}
