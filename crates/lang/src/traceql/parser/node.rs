//! What an expression outside `{ }` turns out to be, and how two of them join.
//!
//! Spansets, scalars, metrics and constants share brackets and operators; only their operands
//! tell which is which. So one climbing loop reads them all, and [`Parser::join`] decides.

use super::super::{
    BinaryOp, Error, Literal, MetricsExpr, Position, Relation, ScalarExpr, SpansetExpr, SpansetOp,
    StructuralMode,
};
use super::Parser;
use super::scalar::{fold, negate};
use super::sequence::Sequence;

/// An expression whose kind is known.
#[derive(Debug)]
pub(super) enum Node {
    /// Spansets; `wrapped` when each operand stands in brackets of its own.
    Spanset { expression: SpansetExpr, wrapped: bool },
    /// Bracketed pipelines joined by spanset operators.
    Pipelines(SpansetExpr),
    /// A number or a duration.
    Constant(Literal),
    /// Something with an aggregate in it.
    Scalar(ScalarExpr),
    /// Bracketed pipelines that end in aggregates.
    PipelineScalar(ScalarExpr),
    /// Bracketed metrics queries.
    Metrics(MetricsExpr),
}

#[derive(Clone, Copy)]
enum JoinOp {
    Spansets(SpansetOp),
    Numbers(BinaryOp),
}

impl JoinOp {
    fn precedence(self) -> u8 {
        match self {
            Self::Spansets(op) => op.precedence(),
            Self::Numbers(op) => op.precedence(),
        }
    }
}

impl Node {
    fn is_spansets(&self) -> bool {
        matches!(self, Self::Spanset { .. } | Self::Pipelines(_))
    }

    pub(super) fn into_scalar(self) -> Option<ScalarExpr> {
        match self {
            Self::Constant(literal) => Some(ScalarExpr::Literal(literal)),
            Self::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }
}

impl Parser {
    /// An expression outside `{ }` whose operators bind at least as tightly as `minimum`.
    pub(super) fn expression(&mut self, minimum: u8) -> Result<Node, Error> {
        self.nested(|parser| {
            let mut left = parser.operand()?;
            while let Some(op) = parser.join_op(&left) {
                if op.precedence() < minimum {
                    break;
                }
                let position = parser.position();
                parser.count_operator()?;
                parser.advance();
                let right_associative = matches!(op, JoinOp::Numbers(BinaryOp::Pow));
                let right = parser.expression(op.precedence() + u8::from(!right_associative))?;
                left = join(op, position, left, right)?;
            }
            Ok(left)
        })
    }

    /// The operator that is next, read as what it means after `left`.
    fn join_op(&self, left: &Node) -> Option<JoinOp> {
        let sign = self.sign()?;
        let spansets = SpansetOp::all().find(|op| op.sign() == sign).filter(|op| {
            // `<` and `>` after a number compare it, which is not for this loop.
            let plain = matches!(
                op,
                SpansetOp::Structural {
                    relation: Relation::Child | Relation::Parent,
                    mode: StructuralMode::Plain
                }
            );
            left.is_spansets() || !plain
        });
        let numbers = self.binary_op().filter(|op| op.is_arithmetic());
        spansets.map(JoinOp::Spansets).or(numbers.map(JoinOp::Numbers))
    }

    fn operand(&mut self) -> Result<Node, Error> {
        let position = self.position();
        if self.sign() == Some("{") {
            let expression = SpansetExpr::Filter(self.spanset_filter()?);
            return Ok(Node::Spanset { expression, wrapped: false });
        }
        if self.eat("(") {
            let inner = self.nested(|parser| parser.sequence(true))?;
            self.expect(")")?;
            return Ok(match inner {
                Sequence::Node(Node::Spanset { expression, .. }) => {
                    Node::Spanset { expression, wrapped: true }
                }
                Sequence::Node(node) => node,
                Sequence::Pipeline(pipeline) => Node::Pipelines(SpansetExpr::Pipeline(Box::new(pipeline))),
                Sequence::Metrics(pipeline) => Node::Metrics(MetricsExpr::Series(Box::new(pipeline))),
            });
        }
        if self.eat("-") {
            self.count_operator()?;
            return match self.nested(Self::operand)? {
                Node::Constant(literal) => negate(&literal).map(Node::Constant),
                _ => None,
            }
            .ok_or_else(|| Error::syntax(position, "only a number can follow `-` here"));
        }
        if let Some(literal) = self.try_number() {
            return Ok(Node::Constant(literal));
        }
        if let Some(aggregate) = self.try_aggregate()? {
            return Ok(Node::Scalar(ScalarExpr::Aggregate(aggregate)));
        }
        Err(self.unexpected("`{`, `(`, a number, or an aggregate"))
    }
}

fn join(op: JoinOp, position: Position, left: Node, right: Node) -> Result<Node, Error> {
    match op {
        JoinOp::Spansets(op) => join_spansets(op, position, left, right),
        JoinOp::Numbers(op) => join_numbers(op, position, left, right),
    }
}

fn join_spansets(op: SpansetOp, position: Position, left: Node, right: Node) -> Result<Node, Error> {
    let operation =
        |left, right| SpansetExpr::Operation { op, position, left: Box::new(left), right: Box::new(right) };
    match (left, right) {
        (
            Node::Spanset { expression: left, wrapped: left_wrapped },
            Node::Spanset { expression: right, wrapped: right_wrapped },
        ) => Ok(Node::Spanset { expression: operation(left, right), wrapped: left_wrapped && right_wrapped }),
        (Node::Pipelines(left), Node::Pipelines(right))
        | (Node::Pipelines(left), Node::Spanset { expression: right, wrapped: true }) => {
            Ok(Node::Pipelines(operation(left, right)))
        }
        _ => Err(Error::syntax(
            position,
            format!("`{}` must stand between two spansets, or two bracketed pipelines", op.sign()),
        )),
    }
}

fn join_numbers(op: BinaryOp, position: Position, left: Node, right: Node) -> Result<Node, Error> {
    let series_op = matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div);
    let scalars =
        |left, right| ScalarExpr::Operation { op, position, left: Box::new(left), right: Box::new(right) };
    match (left, right) {
        (Node::Constant(left), Node::Constant(right)) => {
            fold(op, position, &left, &right).map(Node::Constant)
        }
        (Node::PipelineScalar(left), Node::PipelineScalar(right)) => {
            Ok(Node::PipelineScalar(scalars(left, right)))
        }
        (Node::Metrics(left), Node::Metrics(right)) if series_op => {
            let (left, right) = (Box::new(left), Box::new(right));
            Ok(Node::Metrics(MetricsExpr::Operation { op, position, left, right }))
        }
        (Node::Metrics(operand), Node::Constant(number)) if series_op => {
            scale(op, position, number, false, operand)
        }
        (Node::Constant(number), Node::Metrics(operand)) if series_op => {
            scale(op, position, number, true, operand)
        }
        (left, right) => match (left.into_scalar(), right.into_scalar()) {
            (Some(left), Some(right)) => Ok(Node::Scalar(scalars(left, right))),
            _ => Err(Error::syntax(position, format!("`{}` cannot join what stands beside it", op.sign()))),
        },
    }
}

fn scale(
    op: BinaryOp,
    position: Position,
    number: Literal,
    number_first: bool,
    operand: MetricsExpr,
) -> Result<Node, Error> {
    if matches!(number, Literal::Duration(_)) {
        let message = "a duration cannot be used in arithmetic with series";
        return Err(Error::syntax(position, message));
    }
    let operand = Box::new(operand);
    Ok(Node::Metrics(MetricsExpr::Scale { op, position, number, number_first, operand }))
}
