//! Comparisons whose sides are computed, or are both fields: row by row, as they are rare.

use super::comparison::int_to_double;
use super::field_values::{FieldValues, item_value};
use super::filter::{ArithmeticOp, CompareOp, Field, Operand};
use super::item_cells::ItemList;
use super::predicate::Items;
use crate::Error;
use arrow::array::{BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use std::cmp::Ordering;
use throughline_model::Value;

/// Which candidates have both sides and compare so.
pub(super) fn rows(
    left: &Operand,
    op: CompareOp,
    right: &Operand,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    let (mut left, mut right) = (Side::new(left, batch), Side::new(right, batch));
    let mut passed = unset(candidates.len());
    for row in candidates.set_indices() {
        if let (Some(left), Some(right)) = (left.value(row, None)?, right.value(row, None)?)
            && compare(&left, op, &right)
        {
            passed.set_bit(row, true);
        }
    }
    Ok(passed.finish())
}

/// The same over events or links.
pub(super) fn items(
    left: &Operand,
    op: CompareOp,
    right: &Operand,
    batch: &RecordBatch,
    list: &ItemList<'_>,
    open: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    let (mut left, mut right) = (Side::new(left, batch), Side::new(right, batch));
    let mut passed = unset(open.len());
    for item in open.set_indices() {
        let (row, at) = (list.rows[item], Some((list, item)));
        if let (Some(left), Some(right)) = (left.value(row, at)?, right.value(row, at)?)
            && compare(&left, op, &right)
        {
            passed.set_bit(item, true);
        }
    }
    Ok(passed.finish())
}

fn unset(len: usize) -> BooleanBufferBuilder {
    let mut bits = BooleanBufferBuilder::new(len);
    bits.append_n(len, false);
    bits
}

/// An operand with its fields ready to be read.
enum Side<'a> {
    Cell(Box<FieldValues<'a>>),
    Item(&'a Field, &'a RecordBatch),
    Literal(&'a Value),
    Arithmetic(ArithmeticOp, Box<Side<'a>>, Box<Side<'a>>),
    Negate(Box<Side<'a>>),
}

impl<'a> Side<'a> {
    fn new(operand: &'a Operand, batch: &'a RecordBatch) -> Self {
        match operand {
            Operand::Field(field) if Items::of(field).is_some() => Self::Item(field, batch),
            Operand::Field(field) => Self::Cell(Box::new(FieldValues::new(batch, field))),
            Operand::Literal(value) => Self::Literal(value),
            Operand::Arithmetic { op, left, right } => {
                Self::Arithmetic(*op, Box::new(Self::new(left, batch)), Box::new(Self::new(right, batch)))
            }
            Operand::Negate(inner) => Self::Negate(Box::new(Self::new(inner, batch))),
        }
    }

    fn value(&mut self, row: usize, item: Option<(&ItemList<'_>, usize)>) -> Result<Option<Value>, Error> {
        Ok(match self {
            Self::Cell(values) => values.value(row)?,
            Self::Item(field, batch) => match item {
                Some((list, item)) => item_value(field, list, batch, item)?,
                None => None,
            },
            Self::Literal(value) => Some((*value).clone()),
            Self::Arithmetic(op, left, right) => match (left.value(row, item)?, right.value(row, item)?) {
                (Some(left), Some(right)) => arithmetic(*op, &left, &right),
                _ => None,
            },
            Self::Negate(inner) => inner.value(row, item)?.and_then(|value| match value {
                Value::Int(number) => number.checked_neg().map(Value::Int),
                Value::Double(number) => Some(Value::Double(-number)),
                _ => None,
            }),
        })
    }
}

fn arithmetic(op: ArithmeticOp, left: &Value, right: &Value) -> Option<Value> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        return match op {
            ArithmeticOp::Add => left.checked_add(*right),
            ArithmeticOp::Sub => left.checked_sub(*right),
            ArithmeticOp::Mul => left.checked_mul(*right),
            ArithmeticOp::Div => left.checked_div(*right),
            ArithmeticOp::Mod => left.checked_rem(*right),
            ArithmeticOp::Pow if *right >= 0 => {
                u32::try_from(*right).ok().and_then(|exponent| left.checked_pow(exponent))
            }
            ArithmeticOp::Pow => return Some(Value::Double((*left as f64).powf(*right as f64))),
        }
        .map(Value::Int);
    }
    let (left, right) = (number(left)?, number(right)?);
    Some(Value::Double(match op {
        ArithmeticOp::Add => left + right,
        ArithmeticOp::Sub => left - right,
        ArithmeticOp::Mul => left * right,
        ArithmeticOp::Div => left / right,
        ArithmeticOp::Mod => left % right,
        ArithmeticOp::Pow => left.powf(right),
    }))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

fn compare(left: &Value, op: CompareOp, right: &Value) -> bool {
    let quantified = |elements: &[Value], holds: &dyn Fn(&Value) -> bool| {
        if op.denies() {
            !elements.is_empty() && elements.iter().all(holds)
        } else {
            elements.iter().any(holds)
        }
    };
    match (left, right) {
        (Value::Array(elements), _) => quantified(elements, &|element| compare(element, op, right)),
        (_, Value::Array(elements)) => quantified(elements, &|element| compare(left, op, element)),
        (Value::Int(left), Value::Int(right)) => op.holds(left.cmp(right)),
        (Value::Int(left), Value::Double(right)) => op.holds_partial(int_to_double(*left, *right)),
        (Value::Double(left), Value::Int(right)) => {
            op.holds_partial(int_to_double(*right, *left).map(Ordering::reverse))
        }
        (Value::Double(left), Value::Double(right)) => op.holds_partial(left.partial_cmp(right)),
        (Value::String(left), Value::String(right)) => op.holds(left.as_bytes().cmp(right.as_bytes())),
        (Value::Bool(left), Value::Bool(right)) => equality(op, left == right),
        (Value::Bytes(left), Value::Bytes(right)) => equality(op, left == right),
        _ => false,
    }
}

fn equality(op: CompareOp, equal: bool) -> bool {
    match op {
        CompareOp::Eq => equal,
        CompareOp::Ne => !equal,
        _ => false,
    }
}
