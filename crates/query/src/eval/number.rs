//! Comparing and computing with values.

use std::cmp::Ordering;

use throughline_lang::traceql::BinaryOp;
use throughline_model::Value;

use super::datum::{Datum, hex, id_of_text};

/// Whether `left op right` holds. Regular expressions are not for here.
pub(crate) fn compare(op: BinaryOp, left: &Datum<'_>, right: &Datum<'_>) -> bool {
    match (left, right) {
        (Datum::Array(items), other) => elements(op, items, |item| compare(op, item, other)),
        (other, Datum::Array(items)) => elements(op, items, |item| compare(op, other, item)),
        (Datum::Text(left), Datum::Text(right)) => holds(op, Some(left.cmp(right))),
        (Datum::Bool(left), Datum::Bool(right)) => equality(op, left == right),
        (Datum::Status(left), Datum::Status(right)) => equality(op, left == right),
        (Datum::Kind(left), Datum::Kind(right)) => equality(op, left == right),
        (Datum::Bytes(left), Datum::Bytes(right)) => equality(op, left == right),
        (Datum::Id(left, left_digits), Datum::Id(right, right_digits)) => {
            holds(op, Some(hex(*left, *left_digits).cmp(&hex(*right, *right_digits))))
        }
        (Datum::Id(id, digits), Datum::Text(text)) => compare_id(op, *id, *digits, text),
        (Datum::Text(text), Datum::Id(id, digits)) => compare_id(op.swapped(), *id, *digits, text),
        (Datum::Int(left) | Datum::Duration(left), Datum::Int(right) | Datum::Duration(right)) => {
            holds(op, Some(left.cmp(right)))
        }
        (Datum::Int(left) | Datum::Duration(left), Datum::Float(right)) => {
            holds(op, int_to_float(*left, *right))
        }
        (Datum::Float(left), Datum::Int(right) | Datum::Duration(right)) => {
            holds(op, int_to_float(*right, *left).map(Ordering::reverse))
        }
        (Datum::Float(left), Datum::Float(right)) => holds(op, left.partial_cmp(right)),
        _ => false,
    }
}

/// `!=` and `!~` must hold for all elements of an array that has some, the others for any.
pub(super) fn elements<'a>(
    op: BinaryOp,
    items: &'a [Value],
    mut holds: impl FnMut(&Datum<'a>) -> bool,
) -> bool {
    // Arrays within arrays are not looked into.
    let mut holds = |item: &'a Value| !matches!(item, Value::Array(_)) && holds(&Datum::of(item));
    match op {
        BinaryOp::Ne | BinaryOp::NotRegex => !items.is_empty() && items.iter().all(holds),
        _ => items.iter().any(&mut holds),
    }
}

/// Ids are equal whatever their width and case; in any other comparison they are text.
fn compare_id(op: BinaryOp, id: u128, digits: u8, text: &str) -> bool {
    match op {
        BinaryOp::Eq | BinaryOp::Ne => equality(op, id_of_text(text) == Some(id)),
        _ => holds(op, Some(hex(id, digits).as_str().cmp(text))),
    }
}

fn equality(op: BinaryOp, equal: bool) -> bool {
    match op {
        BinaryOp::Eq => equal,
        BinaryOp::Ne => !equal,
        _ => false,
    }
}

/// `None`: a NaN is in play, which is unequal to everything.
fn holds(op: BinaryOp, ordering: Option<Ordering>) -> bool {
    let Some(ordering) = ordering else {
        return op == BinaryOp::Ne;
    };
    match op {
        BinaryOp::Eq => ordering.is_eq(),
        BinaryOp::Ne => ordering.is_ne(),
        BinaryOp::Lt => ordering.is_lt(),
        BinaryOp::Le => ordering.is_le(),
        BinaryOp::Gt => ordering.is_gt(),
        BinaryOp::Ge => ordering.is_ge(),
        _ => false,
    }
}

/// Compares exactly, without rounding the integer.
#[allow(clippy::cast_possible_truncation, reason = "the float is within the integers' range")]
fn int_to_float(int: i64, float: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= LIMIT {
        return Some(Ordering::Less);
    }
    if float < -LIMIT {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    Some(int.cmp(&(whole as i64)).then_with(|| 0.0f64.total_cmp(&((float - whole) + 0.0))))
}

/// Arithmetic. Integers stay integers, and overflow or division by zero has no value; anything
/// with a float or a duration is computed in floats.
pub(crate) fn arithmetic<'a>(op: BinaryOp, left: &Datum<'_>, right: &Datum<'_>) -> Datum<'a> {
    if let (Datum::Int(left), Datum::Int(right)) = (left, right) {
        return match op {
            BinaryOp::Add => left.checked_add(*right),
            BinaryOp::Sub => left.checked_sub(*right),
            BinaryOp::Mul => left.checked_mul(*right),
            BinaryOp::Div => left.checked_div(*right),
            BinaryOp::Mod => left.checked_rem(*right),
            BinaryOp::Pow if *right >= 0 => {
                u32::try_from(*right).ok().and_then(|exponent| left.checked_pow(exponent))
            }
            BinaryOp::Pow => return Datum::Float(float(*left).powf(float(*right))),
            _ => None,
        }
        .map_or(Datum::Missing, Datum::Int);
    }
    let (Some(left), Some(right)) = (number(left), number(right)) else {
        return Datum::Missing;
    };
    Datum::Float(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        _ => return Datum::Missing,
    })
}

/// The value as a float, when it is a number.
pub(crate) fn number(value: &Datum<'_>) -> Option<f64> {
    match value {
        Datum::Int(number) | Datum::Duration(number) => Some(float(*number)),
        Datum::Float(number) => Some(*number),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss, reason = "mixed numbers are computed as floats")]
fn float(number: i64) -> f64 {
    number as f64
}
