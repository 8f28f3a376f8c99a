//! Expressions over a set of spans that give one number, and comparisons of them.

use super::super::Position;
use super::{BinaryOp, FieldExpr, Literal, Pipeline};

/// An expression that gives one number for a set of spans.
#[derive(Debug, Clone, PartialEq)]
pub enum ScalarExpr {
    /// A number or duration; arithmetic between literals is done while parsing.
    Literal(Literal),
    /// `count()`, `avg(duration)`, …
    Aggregate(Aggregate),
    /// `({…} | count())`: a pipeline that ends in an aggregate.
    Pipeline(Box<Pipeline>, Aggregate),
    /// Arithmetic between two scalars.
    Operation {
        /// The arithmetic operator.
        op: BinaryOp,
        /// Where it stands.
        position: Position,
        /// The operand before it.
        left: Box<ScalarExpr>,
        /// The operand after it.
        right: Box<ScalarExpr>,
    },
}

/// An aggregate over the spans of a spanset.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// What is aggregated; `None` for `count()`.
    pub operand: Option<Box<FieldExpr>>,
    /// Where it stands.
    pub position: Position,
}

/// An aggregate function over spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is its name")]
pub enum AggregateFunction {
    Count,
    Max,
    Min,
    Avg,
    Sum,
}

impl AggregateFunction {
    /// Every function.
    pub const ALL: [Self; 5] = [Self::Count, Self::Max, Self::Min, Self::Avg, Self::Sum];

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Max => "max",
            Self::Min => "min",
            Self::Avg => "avg",
            Self::Sum => "sum",
        }
    }
}

/// A comparison of two scalars: keeps the spansets for which it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarFilter {
    /// One of `= != < <= > >=`.
    pub op: BinaryOp,
    /// Where it stands.
    pub position: Position,
    /// The scalar before it.
    pub left: ScalarExpr,
    /// The scalar after it.
    pub right: ScalarExpr,
}
