//! What type an expression has before any span is seen, and which types operators take.

use super::super::{Attribute, BinaryOp, Error, FieldExpr, FieldRef, Intrinsic, Literal, Position};

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Known only when a span is seen.
    Any,
    Int,
    Float,
    Duration,
    String,
    Bool,
    Status,
    Kind,
}

impl Type {
    pub(super) fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Duration)
    }

    fn matches(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any || (self.is_numeric() && other.is_numeric())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Duration => "a duration",
            Self::String => "a string",
            Self::Bool => "a boolean",
            Self::Status => "a status",
            Self::Kind => "a kind",
        }
    }

    fn takes(self, op: BinaryOp) -> bool {
        match self {
            Self::Any => true,
            Self::Bool => op.is_connective() || matches!(op, BinaryOp::Eq | BinaryOp::Ne),
            Self::Int | Self::Float | Self::Duration => {
                op.is_arithmetic()
                    || (op.is_comparison() && !matches!(op, BinaryOp::Regex | BinaryOp::NotRegex))
            }
            Self::String => op.is_comparison(),
            Self::Status | Self::Kind => matches!(op, BinaryOp::Eq | BinaryOp::Ne),
        }
    }
}

/// Refuses operands that do not go together, or not with the operator.
pub(super) fn check_operands(op: BinaryOp, position: Position, left: Type, right: Type) -> Result<(), Error> {
    let sign = op.sign();
    if !left.matches(right) {
        let message = format!("`{sign}` cannot join {} and {}", left.name(), right.name());
        return Err(Error::invalid(position, message));
    }
    match [left, right].into_iter().find(|operand| !operand.takes(op)) {
        Some(operand) => {
            Err(Error::invalid(position, format!("`{sign}` does not apply to {}", operand.name())))
        }
        None => Ok(()),
    }
}

pub(super) fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::String(_) => Type::String,
        Literal::Int(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Bool(_) => Type::Bool,
        Literal::Duration(_) => Type::Duration,
        Literal::Status(_) => Type::Status,
        Literal::Kind(_) => Type::Kind,
    }
}

pub(super) fn field_type(expression: &FieldExpr) -> Type {
    match expression {
        FieldExpr::Literal(literal) => literal_type(literal),
        FieldExpr::Attribute(attribute) => attribute_type(attribute),
        FieldExpr::Unary { operand, .. } => field_type(operand),
        FieldExpr::Exists { .. } => Type::Bool,
        FieldExpr::Binary { op, left, right, .. } if op.is_arithmetic() => match field_type(left) {
            Type::Any => field_type(right),
            known => known,
        },
        FieldExpr::Binary { .. } => Type::Bool,
    }
}

fn attribute_type(attribute: &Attribute) -> Type {
    let FieldRef::Intrinsic(intrinsic) = &attribute.field else {
        return Type::Any;
    };
    match intrinsic {
        Intrinsic::Duration | Intrinsic::EventTimeSinceStart | Intrinsic::TraceDuration => Type::Duration,
        Intrinsic::ChildCount
        | Intrinsic::NestedSetLeft
        | Intrinsic::NestedSetRight
        | Intrinsic::NestedSetParent => Type::Int,
        Intrinsic::Name
        | Intrinsic::StatusMessage
        | Intrinsic::EventName
        | Intrinsic::LinkTraceId
        | Intrinsic::LinkSpanId
        | Intrinsic::RootService
        | Intrinsic::RootName
        | Intrinsic::TraceId
        | Intrinsic::SpanId
        | Intrinsic::ParentId => Type::String,
        Intrinsic::Status => Type::Status,
        Intrinsic::Kind => Type::Kind,
        // Tempo leaves these to run time.
        Intrinsic::InstrumentationName | Intrinsic::InstrumentationVersion | Intrinsic::Parent => Type::Any,
    }
}
