//! Expressions that select sets of spans within a trace, and pipelines over them.

use super::super::Position;
use super::{Attribute, FieldExpr, ScalarFilter};

/// `{ predicate }`: the spans of a trace for which the predicate holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SpansetFilter {
    /// What must hold; `{ }` is `{ true }`.
    pub predicate: Box<FieldExpr>,
    /// Where `{` stands.
    pub position: Position,
}

/// An expression that selects a set of spans.
#[derive(Debug, Clone, PartialEq)]
pub enum SpansetExpr {
    /// `{ … }`
    Filter(SpansetFilter),
    /// Two spansets of one trace, joined.
    Operation {
        /// What joins them.
        op: SpansetOp,
        /// Where the operator stands.
        position: Position,
        /// The spanset before it.
        left: Box<SpansetExpr>,
        /// The spanset after it.
        right: Box<SpansetExpr>,
    },
    /// `( … | … )`: a pipeline as an operand.
    Pipeline(Box<Pipeline>),
}

/// An operator between two spansets of one trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpansetOp {
    /// `&&`: both have spans; the result is the spans of both.
    And,
    /// `||`: either has spans; the result is the spans of both.
    Union,
    /// An operator over the tree of spans.
    Structural {
        /// How a span on the right is related to one on the left.
        relation: Relation,
        /// Which spans result.
        mode: StructuralMode,
    },
}

/// How the right span of a structural operator is related to the left one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `>`: right is a child of left.
    Child,
    /// `<`: right is the parent of left.
    Parent,
    /// `>>`: right is a descendant of left.
    Descendant,
    /// `<<`: right is an ancestor of left.
    Ancestor,
    /// `~`: both have the same parent.
    Sibling,
}

/// Which spans a structural operator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StructuralMode {
    /// Right spans that are related to a left one.
    Plain,
    /// `!`: right spans that are related to no left one.
    Negated,
    /// `&`: related spans of both sides.
    Union,
}

impl SpansetOp {
    /// Every operator.
    pub fn all() -> impl Iterator<Item = Self> {
        let relations =
            [Relation::Child, Relation::Parent, Relation::Descendant, Relation::Ancestor, Relation::Sibling];
        let modes = [StructuralMode::Plain, StructuralMode::Negated, StructuralMode::Union];
        let structural = relations
            .into_iter()
            .flat_map(move |relation| modes.into_iter().map(move |mode| Self::Structural { relation, mode }));
        [Self::And, Self::Union].into_iter().chain(structural)
    }

    /// How the operator is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        use Relation as R;
        use StructuralMode as M;
        let Self::Structural { relation, mode } = self else {
            return if self == Self::And { "&&" } else { "||" };
        };
        match (mode, relation) {
            (M::Plain, R::Child) => ">",
            (M::Plain, R::Parent) => "<",
            (M::Plain, R::Descendant) => ">>",
            (M::Plain, R::Ancestor) => "<<",
            (M::Plain, R::Sibling) => "~",
            (M::Negated, R::Child) => "!>",
            (M::Negated, R::Parent) => "!<",
            (M::Negated, R::Descendant) => "!>>",
            (M::Negated, R::Ancestor) => "!<<",
            (M::Negated, R::Sibling) => "!~",
            (M::Union, R::Child) => "&>",
            (M::Union, R::Parent) => "&<",
            (M::Union, R::Descendant) => "&>>",
            (M::Union, R::Ancestor) => "&<<",
            (M::Union, R::Sibling) => "&~",
        }
    }

    /// How tightly the operator binds: `&&` and `||` less than the structural ones.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::And | Self::Union => 1,
            Self::Structural { .. } => 2,
        }
    }
}

/// Stages joined by `|`; the first selects spans, the others work on what is left.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pipeline {
    /// The stages in order; never empty after parsing.
    pub stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Selects spans.
    Spansets(SpansetExpr),
    /// Keeps spansets by an aggregate: `count() > 2`.
    Filter(Box<ScalarFilter>),
    /// `by(x)`: splits spansets by a value.
    Group {
        /// The value.
        by: Box<FieldExpr>,
        /// Where it stands.
        position: Position,
    },
    /// `coalesce()`: undoes grouping.
    Coalesce {
        /// Where it stands.
        position: Position,
    },
    /// `select(a, b)`: which fields to return.
    Select {
        /// The fields.
        attributes: Vec<Attribute>,
        /// Where it stands.
        position: Position,
    },
}
