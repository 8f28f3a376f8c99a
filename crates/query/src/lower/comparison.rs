//! Comparisons and patterns.

use regex::Regex;
use throughline_lang::traceql::{BinaryOp, Kind, Literal, Status};
use throughline_model::{Value, schema};
use throughline_store::scan::{ArithmeticOp, CompareOp, Field, Filter, Operand};

use super::mapped::{Mapped, mapped};
use super::{Lowered, any, not};
use crate::eval::{Datum, Node, compare};

pub(super) fn compare_nodes(op: BinaryOp, left: &Node, right: &Node) -> Lowered {
    let Some(store_op) = compare_op(op) else {
        return Lowered::unknown();
    };
    match (left, right) {
        (Node::Literal(left), Node::Literal(right)) => {
            Lowered::constant(compare(op, &Datum::of_literal(left), &Datum::of_literal(right)))
        }
        (Node::Field(field), Node::Literal(literal)) => compare_value(mapped(field), store_op, literal),
        (Node::Literal(literal), Node::Field(field)) => match compare_op(op.swapped()) {
            Some(swapped) => compare_value(mapped(field), swapped, literal),
            None => Lowered::unknown(),
        },
        _ => match (operand(left, false), operand(right, false)) {
            (Some(left), Some(right)) => Lowered::exact(Filter::Compare { left, op: store_op, right }),
            _ => Lowered::unknown(),
        },
    }
}

/// A field compared with a value that the query writes.
pub(super) fn compare_value(field: Mapped, op: CompareOp, literal: &Literal) -> Lowered {
    match (field, literal) {
        (Mapped::OfTrace, _) => Lowered::unknown(),
        (Mapped::Nothing, _) => Lowered::constant(false),
        (Mapped::Status, Literal::Status(status)) => equality(op, status_is(*status)),
        (Mapped::Kind, Literal::Kind(kind)) => equality(op, kind_is(*kind)),
        (Mapped::Status | Mapped::Kind, _) | (_, Literal::Status(_) | Literal::Kind(_)) => {
            Lowered::constant(false)
        }
        (Mapped::OptionalText(field), literal) => {
            let without = compare(binary_op(op), &Datum::Text(""), &Datum::of_literal(literal));
            optional(field.clone(), Filter::compare(field, op, plain(literal)), without)
        }
        (Mapped::Field(field) | Mapped::Duration(field), literal) => {
            Lowered::exact(Filter::compare(field, op, plain(literal)))
        }
    }
}

/// A field's text matched with a pattern that is anchored already.
pub(super) fn matches_pattern(field: Mapped, negated: bool, pattern: &Regex) -> Lowered {
    let op = if negated { CompareOp::NotRegex } else { CompareOp::Regex };
    let text = pattern.as_str();
    match field {
        Mapped::Field(field) => Lowered::exact(Filter::compare(field, op, text)),
        Mapped::OptionalText(field) => {
            let without = pattern.is_match("") != negated;
            optional(field.clone(), Filter::compare(field, op, text), without)
        }
        Mapped::OfTrace => Lowered::unknown(),
        Mapped::Duration(_) | Mapped::Status | Mapped::Kind | Mapped::Nothing => Lowered::constant(false),
    }
}

/// Text that is left out where it is empty: rows without it count if the empty text would.
fn optional(field: Field, filter: Filter, without: bool) -> Lowered {
    Lowered::exact(match without {
        true => any([filter, not(Filter::Exists(field))].into_iter()),
        false => filter,
    })
}

fn equality(op: CompareOp, equal: Filter) -> Lowered {
    match op {
        CompareOp::Eq => Lowered::exact(equal),
        CompareOp::Ne => Lowered::exact(not(equal)),
        _ => Lowered::constant(false),
    }
}

/// Numbers that OTLP does not know are read as `unset`.
fn status_is(status: Status) -> Filter {
    let column = Field::column(schema::STATUS_CODE);
    match status {
        Status::Unset => not(one_of(column, &[Status::Ok.code(), Status::Error.code()])),
        known => Filter::eq(column, i64::from(known.code())),
    }
}

/// Numbers that OTLP does not know are read as `unspecified`.
fn kind_is(kind: Kind) -> Filter {
    let column = Field::column(schema::KIND);
    match kind {
        Kind::Unspecified => {
            let known = Kind::ALL.map(Kind::code);
            not(one_of(column, known.get(1..).unwrap_or_default()))
        }
        known => Filter::eq(column, i64::from(known.code())),
    }
}

fn one_of(field: Field, codes: &[i32]) -> Filter {
    Filter::In(field, codes.iter().map(|code| Value::Int((*code).into())).collect())
}

/// A side of a comparison. Durations are floats where they are computed with, as in the query.
fn operand(node: &Node, computed: bool) -> Option<Operand> {
    Some(match node {
        Node::Field(field) => match mapped(field) {
            Mapped::Field(field) => Operand::Field(field),
            Mapped::Duration(field) if computed => Operand::Arithmetic {
                op: ArithmeticOp::Mul,
                left: Box::new(Operand::Field(field)),
                right: Box::new(Operand::Literal(Value::Double(1.0))),
            },
            Mapped::Duration(field) => Operand::Field(field),
            _ => return None,
        },
        Node::Literal(Literal::Status(_) | Literal::Kind(_)) => return None,
        #[allow(clippy::cast_precision_loss, reason = "durations are computed with as floats")]
        Node::Literal(Literal::Duration(nanos)) if computed => Operand::Literal(Value::Double(*nanos as f64)),
        Node::Literal(literal) => Operand::Literal(plain(literal)),
        Node::Negate(inner) => Operand::Negate(Box::new(operand(inner, computed)?)),
        Node::Arithmetic(op, left, right) => Operand::Arithmetic {
            op: arithmetic_op(*op)?,
            left: Box::new(operand(left, true)?),
            right: Box::new(operand(right, true)?),
        },
        _ => return None,
    })
}

fn plain(literal: &Literal) -> Value {
    match literal {
        Literal::String(text) => Value::from(text.as_str()),
        Literal::Int(number) | Literal::Duration(number) => Value::Int(*number),
        Literal::Float(number) => Value::Double(*number),
        Literal::Bool(truth) => Value::Bool(*truth),
        Literal::Status(status) => Value::Int(status.code().into()),
        Literal::Kind(kind) => Value::Int(kind.code().into()),
    }
}

fn compare_op(op: BinaryOp) -> Option<CompareOp> {
    Some(match op {
        BinaryOp::Eq => CompareOp::Eq,
        BinaryOp::Ne => CompareOp::Ne,
        BinaryOp::Lt => CompareOp::Lt,
        BinaryOp::Le => CompareOp::Le,
        BinaryOp::Gt => CompareOp::Gt,
        BinaryOp::Ge => CompareOp::Ge,
        _ => return None,
    })
}

fn binary_op(op: CompareOp) -> BinaryOp {
    match op {
        CompareOp::Eq => BinaryOp::Eq,
        CompareOp::Ne => BinaryOp::Ne,
        CompareOp::Lt => BinaryOp::Lt,
        CompareOp::Le => BinaryOp::Le,
        CompareOp::Gt => BinaryOp::Gt,
        CompareOp::Ge => BinaryOp::Ge,
        CompareOp::Regex | CompareOp::Contains => BinaryOp::Regex,
        CompareOp::NotRegex | CompareOp::NotContains => BinaryOp::NotRegex,
    }
}

fn arithmetic_op(op: BinaryOp) -> Option<ArithmeticOp> {
    Some(match op {
        BinaryOp::Add => ArithmeticOp::Add,
        BinaryOp::Sub => ArithmeticOp::Sub,
        BinaryOp::Mul => ArithmeticOp::Mul,
        BinaryOp::Div => ArithmeticOp::Div,
        BinaryOp::Mod => ArithmeticOp::Mod,
        BinaryOp::Pow => ArithmeticOp::Pow,
        _ => return None,
    })
}
