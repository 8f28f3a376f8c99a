//! One comparison against fixed values, made ready to run on many cells.

use super::filter::CompareOp;
use super::request::InvalidRequest;
use hashbrown::HashSet;
use memchr::memmem::Finder;
use regex::bytes::Regex;
use std::cmp::Ordering;
use throughline_model::Value;

/// A question about one present cell.
#[derive(Debug)]
pub(super) enum Test {
    /// Is there a value?
    Exists,
    /// Does it compare so with the literal?
    Compare(CompareOp, Literal),
    /// Does the text match?
    Regex { regex: Regex, negate: bool },
    /// Does the text hold this?
    Contains { finder: Box<Finder<'static>>, negate: bool },
    /// Is it one of these?
    In(Box<ValueSet>),
}

/// A fixed value that can be compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Int(i64),
    Double(f64),
    /// Text, and what it means as an id.
    Text(String, Option<u128>),
    Bool(bool),
    Bytes(Vec<u8>),
}

/// The values of an `In`.
#[derive(Debug, Default)]
pub(super) struct ValueSet {
    texts: HashSet<Box<[u8]>, ahash::RandomState>,
    ids: HashSet<u128, ahash::RandomState>,
    ints: HashSet<i64, ahash::RandomState>,
    doubles: Vec<f64>,
    bools: [bool; 2],
    bytes: HashSet<Box<[u8]>, ahash::RandomState>,
}

impl ValueSet {
    /// Adds values; of arrays their elements.
    fn extend(&mut self, values: &[Value]) {
        for value in values {
            match value {
                Value::Int(number) => drop(self.ints.insert(*number)),
                Value::Double(number) => self.doubles.push(*number),
                Value::String(text) => {
                    self.texts.insert(text.as_bytes().into());
                    self.ids.extend(id_of_text(text));
                }
                Value::Bool(truth) => self.bools[usize::from(*truth)] = true,
                Value::Bytes(bytes) => {
                    self.ids.extend(id_of_bytes(bytes));
                    self.bytes.insert(bytes.as_slice().into());
                }
                Value::Array(elements) => self.extend(elements),
                Value::Null | Value::Map(_) => {}
            }
        }
    }

    /// The values that are ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = u128> + '_ {
        self.ids.iter().copied()
    }
}

impl Literal {
    /// `None` for values that compare with nothing.
    pub(super) fn new(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Int(number) => Self::Int(*number),
            Value::Double(number) => Self::Double(*number),
            Value::String(text) => Self::Text(text.clone(), id_of_text(text)),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Value::Null | Value::Array(_) | Value::Map(_) => return None,
        })
    }
}

impl Test {
    /// The test `cell op literal`; `None` when it is false for every cell.
    pub(super) fn compare(op: CompareOp, literal: &Value) -> Result<Option<Self>, InvalidRequest> {
        let wrong = || InvalidRequest::new(format!("the right side of {op:?} must be a string literal"));
        Ok(match op {
            CompareOp::Regex | CompareOp::NotRegex => {
                let regex = op.compile(literal.as_str().ok_or_else(wrong)?)?;
                Some(Self::Regex { regex, negate: op == CompareOp::NotRegex })
            }
            CompareOp::Contains | CompareOp::NotContains => {
                let finder = Finder::new(literal.as_str().ok_or_else(wrong)?).into_owned();
                Some(Self::Contains { finder: Box::new(finder), negate: op == CompareOp::NotContains })
            }
            _ => Literal::new(literal).map(|literal| Self::Compare(op, literal)),
        })
    }

    /// The test `cell in values`.
    pub(super) fn any_of(values: &[Value]) -> Self {
        let mut set = ValueSet::default();
        set.extend(values);
        Self::In(Box::new(set))
    }

    pub(super) fn text(&self, text: &[u8]) -> bool {
        match self {
            Self::Exists => true,
            Self::Compare(op, Literal::Text(literal, _)) => op.holds(text.cmp(literal.as_bytes())),
            Self::Compare(..) => false,
            Self::Regex { regex, negate } => regex.is_match(text) != *negate,
            Self::Contains { finder, negate } => finder.find(text).is_some() != *negate,
            Self::In(set) => set.texts.contains(text),
        }
    }

    pub(super) fn int(&self, number: i64) -> bool {
        match self {
            Self::Exists => true,
            Self::Compare(op, Literal::Int(literal)) => op.holds(number.cmp(literal)),
            Self::Compare(op, Literal::Double(literal)) => op.holds_partial(int_to_double(number, *literal)),
            Self::In(set) => {
                set.ints.contains(&number)
                    || set.doubles.iter().any(|d| int_to_double(number, *d) == Some(Ordering::Equal))
            }
            _ => false,
        }
    }

    pub(super) fn double(&self, number: f64) -> bool {
        match self {
            Self::Exists => true,
            Self::Compare(op, Literal::Double(literal)) => op.holds_partial(number.partial_cmp(literal)),
            Self::Compare(op, Literal::Int(literal)) => {
                op.holds_partial(int_to_double(*literal, number).map(Ordering::reverse))
            }
            Self::In(set) => {
                set.doubles.contains(&number)
                    || set.ints.iter().any(|n| int_to_double(*n, number) == Some(Ordering::Equal))
            }
            _ => false,
        }
    }

    pub(super) fn boolean(&self, truth: bool) -> bool {
        match self {
            Self::Exists => true,
            Self::Compare(CompareOp::Eq, Literal::Bool(literal)) => truth == *literal,
            Self::Compare(CompareOp::Ne, Literal::Bool(literal)) => truth != *literal,
            Self::In(set) => set.bools[usize::from(truth)],
            _ => false,
        }
    }

    /// An id in its bytes.
    pub(super) fn id(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exists => true,
            Self::In(set) => id_of_bytes(bytes).is_some_and(|id| set.ids.contains(&id)),
            Self::Compare(op @ (CompareOp::Eq | CompareOp::Ne), Literal::Text(text, id)) => {
                // Text that is no id equals none.
                let equal = match id {
                    Some(id) => id_of_bytes(bytes) == Some(*id),
                    None => text.as_bytes() == bytes,
                };
                equal == (*op == CompareOp::Eq)
            }
            Self::Compare(op @ (CompareOp::Eq | CompareOp::Ne), Literal::Bytes(literal)) => {
                (id_of_bytes(bytes) == id_of_bytes(literal)) == (*op == CompareOp::Eq)
            }
            Self::Compare(..) | Self::Regex { .. } | Self::Contains { .. } => {
                self.text(hex::encode(bytes).as_bytes())
            }
        }
    }

    fn bytes(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exists => true,
            Self::Compare(CompareOp::Eq, Literal::Bytes(literal)) => bytes == literal,
            Self::Compare(CompareOp::Ne, Literal::Bytes(literal)) => bytes != literal,
            Self::In(set) => set.bytes.contains(bytes),
            _ => false,
        }
    }

    /// Whether it asks for something not to be so: then it must hold for all elements of an array.
    fn denies(&self) -> bool {
        match self {
            Self::Compare(op, _) => op.denies(),
            Self::Regex { negate, .. } | Self::Contains { negate, .. } => *negate,
            Self::Exists | Self::In(_) => false,
        }
    }

    pub(super) fn value(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Map(_) => matches!(self, Self::Exists),
            Value::Array(elements) => match self {
                Self::Exists => true,
                _ if self.denies() => {
                    !elements.is_empty() && elements.iter().all(|element| self.value(element))
                }
                _ => elements.iter().any(|element| self.value(element)),
            },
            Value::String(text) => self.text(text.as_bytes()),
            Value::Bool(truth) => self.boolean(*truth),
            Value::Int(number) => self.int(*number),
            Value::Double(number) => self.double(*number),
            Value::Bytes(bytes) => self.bytes(bytes),
        }
    }
}

impl CompareOp {
    /// The operator with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }

    pub(super) fn denies(self) -> bool {
        matches!(self, Self::Ne | Self::NotRegex | Self::NotContains)
    }

    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
            Self::Regex | Self::NotRegex | Self::Contains | Self::NotContains => false,
        }
    }

    /// `None`: a NaN is in play, which is unequal to everything.
    pub(super) fn holds_partial(self, ordering: Option<Ordering>) -> bool {
        ordering.map_or(self == Self::Ne, |ordering| self.holds(ordering))
    }
}

/// Compares exactly, without rounding the integer to a double.
pub(super) fn int_to_double(int: i64, double: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= LIMIT {
        return Some(Ordering::Less);
    }
    if double < -LIMIT {
        return Some(Ordering::Greater);
    }
    // In range: the cut value is exact, and what was cut decides ties.
    let whole = double.trunc();
    Some(int.cmp(&(whole as i64)).then_with(|| 0.0_f64.total_cmp(&((double - whole) + 0.0))))
}

fn id_of_text(text: &str) -> Option<u128> {
    let hexadecimal = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    hexadecimal.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

pub(super) fn id_of_bytes(bytes: &[u8]) -> Option<u128> {
    (bytes.len() <= 16).then(|| bytes.iter().fold(0, |id, byte| id << 8 | u128::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_integers_with_doubles_exactly() {
        let big = (1_i64 << 53) + 1;
        assert_eq!(int_to_double(big, (1_i64 << 53) as f64), Some(Ordering::Greater));
        assert_eq!(int_to_double(i64::MAX, i64::MAX as f64), Some(Ordering::Less));
        assert_eq!(int_to_double(i64::MIN, i64::MIN as f64), Some(Ordering::Equal));
        assert_eq!(int_to_double(-3, -3.5), Some(Ordering::Greater));
        assert_eq!(int_to_double(0, -0.0), Some(Ordering::Equal));
        assert_eq!(int_to_double(0, f64::NAN), None);
        assert_eq!(int_to_double(0, f64::INFINITY), Some(Ordering::Less));
    }

    #[test]
    fn ids_compare_by_value_whatever_their_width_and_case() {
        let test = Test::compare(CompareOp::Eq, &Value::from("AB")).unwrap().unwrap();
        assert!(test.id(&[0, 0, 0, 0, 0, 0, 0, 0xab]));
        assert!(!test.id(&[0, 0, 0, 0, 0, 0, 1, 0xab]));
        let none = Test::compare(CompareOp::Ne, &Value::from("no id")).unwrap().unwrap();
        assert!(none.id(&[0; 8]));
    }

    #[test]
    fn other_types_are_false_even_when_asked_for_unequal() {
        let test = Test::compare(CompareOp::Ne, &Value::from("x")).unwrap().unwrap();
        assert!(!test.int(3) && !test.boolean(true) && !test.value(&Value::Null));
        assert!(test.text(b"y"));
    }
}
