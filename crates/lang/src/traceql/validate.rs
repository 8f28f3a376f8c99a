//! What a query that parses may still not say. The rules are those of Tempo: operand types must
//! match, predicates must be boolean, aggregates must read the span, and so on.

mod field;
mod metrics;
mod types;

use super::{
    Aggregate, Error, Pipeline, Position, Query, QueryBody, ScalarExpr, ScalarFilter, SpansetExpr,
    SpansetFilter, Stage,
};
use field::{check_attribute, check_field};
use types::{Type, check_operands, field_type, literal_type};

pub(crate) use field::check_predicate;

/// Checks a whole query.
///
/// # Errors
/// [`super::ErrorKind::Invalid`] for what has no meaning, [`super::ErrorKind::Unsupported`] for
/// what the language names but nobody runs.
pub fn validate(query: &Query) -> Result<(), Error> {
    match &query.body {
        QueryBody::Spansets(pipeline) => check_pipeline(pipeline),
        QueryBody::PipelineComparison(filter) => check_filter(filter),
        QueryBody::Metrics(expression) => metrics::check(expression),
    }
}

fn check_pipeline(pipeline: &Pipeline) -> Result<(), Error> {
    pipeline.stages.iter().try_for_each(|stage| match stage {
        Stage::Spansets(expression) => check_spansets(expression),
        Stage::Filter(filter) => check_filter(filter),
        Stage::Group { by, position } => {
            if !by.references_span() {
                return Err(Error::invalid(*position, "by() must read a field of the span"));
            }
            check_field(by)
        }
        Stage::Coalesce { .. } => Ok(()),
        Stage::Select { attributes, .. } => attributes.iter().try_for_each(check_attribute),
    })
}

fn check_spansets(expression: &SpansetExpr) -> Result<(), Error> {
    match expression {
        SpansetExpr::Filter(filter) => check_spanset(filter),
        SpansetExpr::Pipeline(pipeline) => check_pipeline(pipeline),
        SpansetExpr::Operation { left, right, .. } => {
            check_spansets(left)?;
            check_spansets(right)
        }
    }
}

fn check_spanset(filter: &SpansetFilter) -> Result<(), Error> {
    check_predicate(&filter.predicate, filter.position)
}

fn check_filter(filter: &ScalarFilter) -> Result<(), Error> {
    let left = check_scalar(&filter.left)?;
    let right = check_scalar(&filter.right)?;
    check_operands(filter.op, filter.position, left, right)?;
    if !matches!(filter.left, ScalarExpr::Aggregate(_)) {
        return Err(Error::unsupported(filter.position, "a comparison whose left side is not one aggregate"));
    }
    if !matches!(filter.right, ScalarExpr::Literal(_)) {
        return Err(Error::unsupported(filter.position, "a comparison whose right side is not a number"));
    }
    Ok(())
}

fn check_scalar(scalar: &ScalarExpr) -> Result<Type, Error> {
    match scalar {
        ScalarExpr::Literal(literal) => Ok(literal_type(literal)),
        ScalarExpr::Aggregate(aggregate) => check_aggregate(aggregate),
        ScalarExpr::Pipeline(pipeline, aggregate) => {
            check_pipeline(pipeline)?;
            check_aggregate(aggregate)
        }
        ScalarExpr::Operation { op, position, left, right } => {
            let left = check_scalar(left)?;
            let right = check_scalar(right)?;
            check_operands(*op, *position, left, right)?;
            Ok(if left == Type::Any { right } else { left })
        }
    }
}

fn check_aggregate(aggregate: &Aggregate) -> Result<Type, Error> {
    let name = aggregate.function.name();
    let Some(operand) = &aggregate.operand else {
        return Ok(Type::Int);
    };
    check_field(operand)?;
    let operand_type = field_type(operand);
    if operand_type != Type::Any && !operand_type.is_numeric() {
        return Err(invalid_aggregate(aggregate.position, name, "needs a number"));
    }
    if !operand.references_span() {
        return Err(invalid_aggregate(aggregate.position, name, "must read a field of the span"));
    }
    Ok(operand_type)
}

fn invalid_aggregate(position: Position, name: &str, problem: &str) -> Error {
    Error::invalid(position, format!("{name}() {problem}"))
}

#[cfg(test)]
mod tests;
