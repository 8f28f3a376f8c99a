//! How deep a tree is, measured without recursion, so that everything that comes later may recurse.
//!
//! A chain of one connective (`a && b && c`) counts as one level: it is walked as a list.

use super::{
    BinaryOp, Error, FieldExpr, MetricsExpr, Pipeline, Position, Query, QueryBody, ScalarExpr, ScalarFilter,
    SpansetExpr, Stage,
};

/// How deep a tree may be.
pub const MAX_DEPTH: u32 = 128;

enum Part<'q> {
    Field(&'q FieldExpr, Option<BinaryOp>),
    Spansets(&'q SpansetExpr),
    Pipeline(&'q Pipeline),
    Filter(&'q ScalarFilter),
    Scalar(&'q ScalarExpr),
    Metrics(&'q MetricsExpr),
}

/// Refuses a query that is too deep.
pub(crate) fn check(query: &Query) -> Result<(), Error> {
    let whole = match &query.body {
        QueryBody::Spansets(pipeline) => Part::Pipeline(pipeline),
        QueryBody::PipelineComparison(filter) => Part::Filter(filter),
        QueryBody::Metrics(expression) => Part::Metrics(expression),
    };
    if is_shallow(whole) {
        return Ok(());
    }
    let message = format!("the query is deeper than {MAX_DEPTH} levels: operators alternate too often");
    Err(Error::too_complex(Position(0), message))
}

/// Whether an expression over one span is not too deep.
pub(crate) fn is_shallow_field(expression: &FieldExpr) -> bool {
    is_shallow(Part::Field(expression, None))
}

fn is_shallow(whole: Part<'_>) -> bool {
    let mut open = vec![(whole, 0u32)];
    while let Some((part, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return false;
        }
        match part {
            Part::Field(expression, within) => push_field(&mut open, expression, within, depth),
            Part::Spansets(SpansetExpr::Filter(filter)) => {
                open.push((Part::Field(&filter.predicate, None), depth + 1));
            }
            Part::Spansets(SpansetExpr::Pipeline(pipeline)) => {
                open.push((Part::Pipeline(pipeline), depth + 1));
            }
            Part::Spansets(SpansetExpr::Operation { left, right, .. }) => {
                open.extend([(Part::Spansets(left), depth + 1), (Part::Spansets(right), depth + 1)]);
            }
            Part::Pipeline(pipeline) => {
                open.extend(pipeline.stages.iter().filter_map(stage).map(|part| (part, depth + 1)));
            }
            Part::Filter(filter) => {
                open.extend([&filter.left, &filter.right].map(|side| (Part::Scalar(side), depth + 1)));
            }
            Part::Scalar(scalar) => push_scalar(&mut open, scalar, depth),
            Part::Metrics(metrics) => push_metrics(&mut open, metrics, depth),
        }
    }
    true
}

type Open<'q> = Vec<(Part<'q>, u32)>;

fn push_field<'q>(open: &mut Open<'q>, expression: &'q FieldExpr, within: Option<BinaryOp>, depth: u32) {
    match expression {
        FieldExpr::Literal(_) | FieldExpr::Attribute(_) => {}
        FieldExpr::Unary { operand, .. } | FieldExpr::Exists { operand, .. } => {
            open.push((Part::Field(operand, None), depth + 1));
        }
        FieldExpr::Binary { op, left, right, .. } => {
            let chained = op.is_connective() && within == Some(*op);
            let below = if chained { depth } else { depth + 1 };
            open.push((Part::Field(left, Some(*op)), below));
            open.push((Part::Field(right, None), below));
        }
    }
}

fn stage(stage: &Stage) -> Option<Part<'_>> {
    match stage {
        Stage::Spansets(expression) => Some(Part::Spansets(expression)),
        Stage::Filter(filter) => Some(Part::Filter(filter)),
        Stage::Group { by, .. } => Some(Part::Field(by, None)),
        Stage::Coalesce { .. } | Stage::Select { .. } => None,
    }
}

fn push_scalar<'q>(open: &mut Open<'q>, scalar: &'q ScalarExpr, depth: u32) {
    match scalar {
        ScalarExpr::Literal(_) => {}
        ScalarExpr::Aggregate(aggregate) => {
            open.extend(aggregate.operand.as_deref().map(|operand| (Part::Field(operand, None), depth + 1)));
        }
        ScalarExpr::Pipeline(pipeline, aggregate) => {
            open.push((Part::Pipeline(pipeline), depth + 1));
            open.extend(aggregate.operand.as_deref().map(|operand| (Part::Field(operand, None), depth + 1)));
        }
        ScalarExpr::Operation { left, right, .. } => {
            open.extend([left, right].map(|side| (Part::Scalar(side), depth + 1)));
        }
    }
}

fn push_metrics<'q>(open: &mut Open<'q>, metrics: &'q MetricsExpr, depth: u32) {
    match metrics {
        MetricsExpr::Series(series) => open.push((Part::Pipeline(&series.spansets), depth + 1)),
        MetricsExpr::Operation { left, right, .. } => {
            open.extend([left, right].map(|side| (Part::Metrics(side), depth + 1)));
        }
        MetricsExpr::Scale { operand, .. } | MetricsExpr::Staged { operand, .. } => {
            open.push((Part::Metrics(operand), depth + 1));
        }
    }
}
