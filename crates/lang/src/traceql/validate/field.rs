//! Expressions over one span.

use super::super::{
    Attribute, AttributeScope, BinaryOp, Error, FieldExpr, FieldRef, Intrinsic, Literal, Position, UnaryOp,
    compile_anchored,
};
use super::types::{Type, check_operands, field_type};

/// Checks an expression that must be true or false.
pub(crate) fn check_predicate(predicate: &FieldExpr, position: Position) -> Result<(), Error> {
    check_field(predicate)?;
    match field_type(predicate) {
        Type::Any | Type::Bool => Ok(()),
        _ => Err(Error::invalid(position, "what stands in { } must be true or false")),
    }
}

pub(super) fn check_field(expression: &FieldExpr) -> Result<(), Error> {
    match expression {
        FieldExpr::Literal(_) => Ok(()),
        FieldExpr::Attribute(attribute) => check_attribute(attribute),
        FieldExpr::Unary { op, position, operand } => {
            check_field(operand)?;
            let operand_type = field_type(operand);
            let fits = match op {
                UnaryOp::Negate => operand_type.is_numeric(),
                UnaryOp::Not => operand_type == Type::Bool,
            };
            if fits || operand_type == Type::Any {
                return Ok(());
            }
            let wanted = if *op == UnaryOp::Not { "a boolean" } else { "a number" };
            Err(Error::invalid(*position, format!("`{}` needs {wanted}", op.sign())))
        }
        FieldExpr::Exists { negated, position, operand } => {
            check_field(operand)?;
            if *negated && never_missing(operand) {
                return Err(Error::invalid(*position, format!("{operand} is never nil")));
            }
            Ok(())
        }
        FieldExpr::Binary { op, position, left, right } => {
            check_field(left)?;
            check_field(right)?;
            check_operands(*op, *position, field_type(left), field_type(right))?;
            check_regex(*op, *position, right)
        }
    }
}

pub(super) fn check_attribute(attribute: &Attribute) -> Result<(), Error> {
    match attribute.field {
        FieldRef::Intrinsic(Intrinsic::Parent) | FieldRef::Attribute { parent: true, .. } => {
            Err(Error::unsupported(attribute.position, "`parent`"))
        }
        _ => Ok(()),
    }
}

fn never_missing(operand: &FieldExpr) -> bool {
    match operand {
        FieldExpr::Attribute(attribute) => match &attribute.field {
            FieldRef::Intrinsic(_) => true,
            FieldRef::Attribute { scope, parent, name } => {
                *scope == AttributeScope::Resource && !parent && name == "service.name"
            }
        },
        _ => false,
    }
}

fn check_regex(op: BinaryOp, position: Position, right: &FieldExpr) -> Result<(), Error> {
    if !matches!(op, BinaryOp::Regex | BinaryOp::NotRegex) {
        return Ok(());
    }
    let FieldExpr::Literal(Literal::String(pattern)) = right else {
        let message = format!("`{}` needs a string on the right", op.sign());
        return Err(Error::invalid(position, message));
    };
    match compile_anchored(pattern) {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(limit)) => Err(Error::invalid(
            position,
            format!("the regular expression is larger than {limit} bytes when compiled"),
        )),
        Err(_) => Err(Error::invalid(position, format!("{pattern:?} is not a regular expression"))),
    }
}
