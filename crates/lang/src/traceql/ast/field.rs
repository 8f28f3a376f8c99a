//! Expressions over one span: what stands between `{` and `}`.

use super::super::Position;
use super::{Attribute, Literal};

/// An expression over the fields of one span.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldExpr {
    /// A value.
    Literal(Literal),
    /// A field of the span.
    Attribute(Attribute),
    /// `-x` or `!x`
    Unary {
        /// Which.
        op: UnaryOp,
        /// Where the operator stands.
        position: Position,
        /// What it is applied to.
        operand: Box<FieldExpr>,
    },
    /// `x != nil`, or `x = nil` when negated.
    Exists {
        /// True for `= nil`.
        negated: bool,
        /// Where the comparison stands.
        position: Position,
        /// What must (not) be there.
        operand: Box<FieldExpr>,
    },
    /// Two operands and what joins them.
    Binary {
        /// What joins them.
        op: BinaryOp,
        /// Where the operator stands.
        position: Position,
        /// The operand before the operator.
        left: Box<FieldExpr>,
        /// The operand after the operator.
        right: Box<FieldExpr>,
    },
}

/// An operator before its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is its sign, given by `sign`")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Regex,
    NotRegex,
    And,
    Or,
}

impl BinaryOp {
    /// Every operator.
    pub const ALL: [Self; 16] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Mod,
        Self::Pow,
        Self::Eq,
        Self::Ne,
        Self::Lt,
        Self::Le,
        Self::Gt,
        Self::Ge,
        Self::Regex,
        Self::NotRegex,
        Self::And,
        Self::Or,
    ];

    /// How the operator is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
            Self::And => "&&",
            Self::Or => "||",
        }
    }

    /// Whether the result is a number.
    #[must_use]
    pub fn is_arithmetic(self) -> bool {
        matches!(self, Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Mod | Self::Pow)
    }

    /// Whether it compares two values, regular expressions included.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        !self.is_arithmetic() && !self.is_connective()
    }

    /// `&&` or `||`
    #[must_use]
    pub fn is_connective(self) -> bool {
        matches!(self, Self::And | Self::Or)
    }

    /// The comparison that holds for swapped operands; others are their own.
    #[must_use]
    pub fn swapped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            other => other,
        }
    }

    /// How tightly the operator binds, from 1.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::And | Self::Or => 1,
            Self::Eq
            | Self::Ne
            | Self::Lt
            | Self::Le
            | Self::Gt
            | Self::Ge
            | Self::Regex
            | Self::NotRegex => 2,
            Self::Add | Self::Sub => 3,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
        }
    }

    pub(crate) fn is_right_associative(self) -> bool {
        self == Self::Pow
    }
}

impl UnaryOp {
    /// How tightly the operator holds its operand, on the scale of [`BinaryOp::precedence`].
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Negate => 3,
            Self::Not => 4,
        }
    }

    /// How the operator is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Negate => "-",
            Self::Not => "!",
        }
    }
}

impl FieldExpr {
    /// The predicate that every span satisfies.
    #[must_use]
    pub fn always() -> Self {
        Self::Literal(Literal::Bool(true))
    }

    /// Whether this is the literal `true`.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Self::Literal(Literal::Bool(true)))
    }

    /// Whether any field of the span is read.
    #[must_use]
    pub fn references_span(&self) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Attribute(_) => true,
            Self::Unary { operand, .. } | Self::Exists { operand, .. } => operand.references_span(),
            Self::Binary { left, right, .. } => left.references_span() || right.references_span(),
        }
    }
}
