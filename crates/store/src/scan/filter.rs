//! What a scan keeps: predicates over the rows of one table, as plain values.
//!
//! # Meaning
//! A predicate is true or false for a row, never unknown:
//! - A comparison whose field is missing, or whose two sides have types that do not compare, is
//!   **false, also for [`CompareOp::Ne`], [`CompareOp::NotRegex`] and [`CompareOp::NotContains`]**.
//!   [`Filter::Not`] then turns that false into true, so `Not(Eq)` keeps rows without the field
//!   while `Ne` does not.
//! - Integers and doubles compare as numbers, exactly (no rounding of large integers). A NaN is
//!   unequal to everything. Strings compare by bytes; booleans only by `Eq` and `Ne`. Bytes compare
//!   by `Eq` and `Ne`. Maps and [`Value::Null`] compare with nothing.
//! - An array, on either side, compares element by element: `Ne`, `NotRegex` and `NotContains`
//!   hold when there are elements and all of them hold, every other operator and [`Filter::In`]
//!   when any element does.
//! - Ids (trace, span, parent, linked) read as lower-case hexadecimal strings; `Eq`, `Ne` and
//!   [`Filter::In`] also take them as [`Value::Bytes`], and as hexadecimal text of any case and
//!   width (padded on the left).
//! - Integer arithmetic that overflows, and division by zero between integers, has no value, so a
//!   comparison on it is false. Arithmetic with a double anywhere is done in doubles.
//! - Conditions on events (or links) **inside one [`Filter::And`] hold for one and the same event
//!   (or link)**: the row passes when some event meets all of them. [`Filter::Or`] and nested `And`
//!   below that `And` take part; a [`Filter::Not`] does not: what is inside it is decided for the
//!   row on its own (`Not(EventName = "x")`: no event is called x).

use super::predicate::Items;
use super::request::InvalidRequest;
use serde::{Deserialize, Serialize};
use throughline_model::Value;

/// Deepest nesting of filters and operands that a request may have.
pub const FILTER_DEPTH_MAX: usize = 64;
/// Most filters and operands in one request.
pub const FILTER_NODES_MAX: usize = 4_096;
/// Most values in one [`Filter::In`].
pub const IN_VALUES_MAX: usize = 65_536;
/// Largest compiled size of one regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 4 << 20;

/// A predicate over the rows of one table. See the [module](self) for the exact meaning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Filter {
    /// Every row.
    All,
    /// No row.
    None,
    /// Rows that pass every part; every row when empty. Binds event and link conditions together.
    And(Vec<Filter>),
    /// Rows that pass any part; no row when empty.
    Or(Vec<Filter>),
    /// Rows that do not pass.
    Not(Box<Filter>),
    /// Rows where the field has a value (of any type, also a null attribute: it was sent).
    Exists(Field),
    /// Rows where the comparison holds.
    Compare {
        /// Left side.
        left: Operand,
        /// Operator.
        op: CompareOp,
        /// Right side. For the regex and contains operators this must be a string literal.
        right: Operand,
    },
    /// Rows where the field equals one of the values.
    In(Field, Vec<Value>),
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operand {
    /// What a field holds in the row.
    Field(Field),
    /// A fixed value.
    Literal(Value),
    /// A number computed from two numbers.
    Arithmetic {
        /// Operator.
        op: ArithmeticOp,
        /// Left side.
        left: Box<Operand>,
        /// Right side.
        right: Box<Operand>,
    },
    /// A number with its sign turned.
    Negate(Box<Operand>),
}

/// How two numbers make a third.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`; between integers the quotient is cut towards zero.
    Div,
    /// `%`; takes the sign of the left side.
    Mod,
    /// `^`; between integers with a negative exponent: a double.
    Pow,
}

/// How two sides compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CompareOp {
    /// Equal.
    Eq,
    /// Both present, comparable and unequal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// The string matches the expression anywhere: anchor it (`^(?:…)$`) to match the whole.
    Regex,
    /// The string is present and does not match anywhere.
    NotRegex,
    /// The string holds the literal, byte for byte.
    Contains,
    /// The string is present and does not hold the literal.
    NotContains,
}

/// Something of a row that can be compared or listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// A fixed column by its name in `throughline_model::schema`, such as `duration_ns`, `name`,
    /// `service`, `kind` or `status_code`. Enumerations are their OTLP numbers.
    Column(String),
    /// When the span ended: start plus duration.
    EndNs,
    /// An attribute, wherever it is stored.
    Attribute {
        /// Where to look.
        scope: AttributeScope,
        /// Its key.
        key: String,
    },
    /// The name of an event.
    EventName,
    /// Nanoseconds from the start of the span to an event.
    EventTimeSinceStart,
    /// The trace that a link points to.
    LinkTraceId,
    /// The span that a link points to.
    LinkSpanId,
    /// Name of the instrumentation scope; missing when empty.
    ScopeName,
    /// Version of the instrumentation scope; missing when empty.
    ScopeVersion,
}

/// Whose attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AttributeScope {
    /// The row's own first, then the resource's. Not a scope that keys are listed under.
    Any,
    /// The row's own: of a span, log record or metric point.
    Span,
    /// The resource's.
    Resource,
    /// The instrumentation scope's.
    Instrumentation,
    /// An event's.
    Event,
    /// A link's.
    Link,
}

impl Filter {
    /// `field = value`.
    #[must_use]
    pub fn eq(field: Field, value: impl Into<Value>) -> Self {
        Self::compare(field, CompareOp::Eq, value)
    }

    /// `field op value`.
    #[must_use]
    pub fn compare(field: Field, op: CompareOp, value: impl Into<Value>) -> Self {
        Self::Compare { left: Operand::Field(field), op, right: Operand::Literal(value.into()) }
    }

    /// Both filters; [`Filter::All`] disappears, `And`s are joined so that their conditions bind
    /// to one event or link.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, only) | (only, Self::All) => only,
            (Self::And(mut all), Self::And(more)) => {
                all.extend(more);
                Self::And(all)
            }
            (Self::And(mut all), one) => {
                all.push(one);
                Self::And(all)
            }
            (one, other) => Self::And(vec![one, other]),
        }
    }

    /// Calls `visit` with every field that the filter reads.
    pub fn for_each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match self {
            Self::All | Self::None => {}
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.for_each_field(visit));
            }
            Self::Not(inner) => inner.for_each_field(visit),
            Self::Exists(field) | Self::In(field, _) => visit(field),
            Self::Compare { left, right, .. } => {
                left.for_each_field(visit);
                right.for_each_field(visit);
            }
        }
    }

    /// Checks the bounds on size and depth, and the shape of every comparison.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn validate(&self) -> Result<(), InvalidRequest> {
        let mut nodes = 0;
        self.check(0, &mut nodes)
    }

    fn check(&self, depth: usize, nodes: &mut usize) -> Result<(), InvalidRequest> {
        count(depth, nodes)?;
        match self {
            Self::All | Self::None | Self::Exists(_) => Ok(()),
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().try_for_each(|part| part.check(depth + 1, nodes))
            }
            Self::Not(inner) => inner.check(depth + 1, nodes),
            Self::In(_, values) if values.len() > IN_VALUES_MAX => Err(InvalidRequest::new(format!(
                "a list of {} values is longer than {IN_VALUES_MAX}",
                values.len()
            ))),
            Self::In(..) => Ok(()),
            Self::Compare { left, op, right } => {
                left.check(depth + 1, nodes)?;
                right.check(depth + 1, nodes)?;
                check_items(left, right)?;
                op.check_right(right)
            }
        }
    }
}

impl CompareOp {
    fn check_right(self, right: &Operand) -> Result<(), InvalidRequest> {
        match (self, right) {
            (Self::Regex | Self::NotRegex, Operand::Literal(Value::String(text))) => {
                self.compile(text).map(drop)
            }
            (Self::Contains | Self::NotContains, Operand::Literal(Value::String(_))) => Ok(()),
            (Self::Regex | Self::NotRegex | Self::Contains | Self::NotContains, _) => {
                Err(InvalidRequest::new(format!("the right side of {self:?} must be a string literal")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn compile(self, text: &str) -> Result<regex::bytes::Regex, InvalidRequest> {
        regex::bytes::RegexBuilder::new(text)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| InvalidRequest::new(format!("{self:?} {text:?}: {error}")))
    }
}

impl Operand {
    pub(super) fn for_each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match self {
            Self::Field(field) => visit(field),
            Self::Literal(_) => {}
            Self::Arithmetic { left, right, .. } => {
                left.for_each_field(visit);
                right.for_each_field(visit);
            }
            Self::Negate(inner) => inner.for_each_field(visit),
        }
    }

    fn check(&self, depth: usize, nodes: &mut usize) -> Result<(), InvalidRequest> {
        count(depth, nodes)?;
        match self {
            Self::Field(_) | Self::Literal(_) => Ok(()),
            Self::Arithmetic { left, right, .. } => {
                left.check(depth + 1, nodes)?;
                right.check(depth + 1, nodes)
            }
            Self::Negate(inner) => inner.check(depth + 1, nodes),
        }
    }
}

impl Field {
    /// A fixed column.
    #[must_use]
    pub fn column(name: &str) -> Self {
        Self::Column(name.to_owned())
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(scope: AttributeScope, key: &str) -> Self {
        Self::Attribute { scope, key: key.to_owned() }
    }
}

/// One comparison cannot range over the events and the links of a row at once.
fn check_items(left: &Operand, right: &Operand) -> Result<(), InvalidRequest> {
    let mut seen = [false; 2];
    let mut visit = |field: &Field| match Items::of(field) {
        Some(Items::Events) => seen[0] = true,
        Some(Items::Links) => seen[1] = true,
        None => {}
    };
    left.for_each_field(&mut visit);
    right.for_each_field(&mut visit);
    match seen {
        [true, true] => Err(InvalidRequest::new("an event cannot be compared with a link")),
        _ => Ok(()),
    }
}

fn count(depth: usize, nodes: &mut usize) -> Result<(), InvalidRequest> {
    *nodes += 1;
    if depth > FILTER_DEPTH_MAX {
        return Err(InvalidRequest::new(format!("the filter is nested deeper than {FILTER_DEPTH_MAX}")));
    }
    if *nodes > FILTER_NODES_MAX {
        return Err(InvalidRequest::new(format!("the filter has more than {FILTER_NODES_MAX} parts")));
    }
    Ok(())
}
