//! What a metrics query asks for, made ready to run.

use throughline_lang::traceql::{
    Attribute, BinaryOp, FieldRef, Hint, Intrinsic, Literal, MetricsExpr, MetricsFunction, MetricsPipeline,
    Query, QueryBody, SecondStage,
};

use super::root_condition;
use crate::eval::{Predicate, Program};
use crate::{Error, Result};

/// A query made ready to run.
#[derive(Debug)]
pub(super) struct Plan {
    /// Which spans.
    pub(super) program: Program,
    pub(super) task: Task,
    /// What is done with the series, in order.
    pub(super) after: Vec<After>,
    /// How many exemplars the query asks for, if it does.
    pub(super) exemplars: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Task {
    Series(SeriesTask),
    Compare(CompareTask),
}

/// A function over groups of spans.
#[derive(Debug)]
pub(super) struct SeriesTask {
    /// How the function is written.
    pub(super) name: &'static str,
    pub(super) function: Function,
    /// The number that the function is about; none for counts.
    pub(super) number: Option<FieldRef>,
    pub(super) by: Vec<FieldRef>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Function {
    Rate,
    Count,
    Min,
    Max,
    Sum,
    Average,
    Quantiles(Vec<f64>),
    Histogram,
}

/// Which values differ between spans of a selection and the others.
#[derive(Debug)]
pub(super) struct CompareTask {
    pub(super) selection: Predicate,
    pub(super) top: usize,
    /// From when until before when spans may be of the selection.
    pub(super) window: Option<(i64, i64)>,
}

/// What is done with series.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum After {
    Top(usize),
    Bottom(usize),
    Keep { op: BinaryOp, than: f64 },
    Scale { op: BinaryOp, number: f64, number_first: bool },
}

impl Plan {
    /// Makes a checked query ready to run.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for what is no metrics query, [`crate::ErrorKind::Unsupported`]
    /// for arithmetic between two of them.
    pub(super) fn of(query: &Query) -> Result<Self> {
        let QueryBody::Metrics(expression) = &query.body else {
            return Err(Error::invalid("not a metrics query: a function such as rate() is missing"));
        };
        let mut after = Vec::new();
        let pipeline = leaf(expression, &mut after)?;
        let mut spansets = pipeline.spansets.clone();
        root_condition::rewrite(&mut spansets);
        let spans = Query { body: QueryBody::Spansets(spansets), hints: Vec::new() };
        Ok(Self {
            program: Program::of(&spans)?,
            task: task(pipeline)?,
            after,
            exemplars: exemplars_hint(&query.hints),
        })
    }
}

/// The one series that an expression is about; what follows is added to `after`.
fn leaf<'a>(expression: &'a MetricsExpr, after: &mut Vec<After>) -> Result<&'a MetricsPipeline> {
    match expression {
        MetricsExpr::Series(pipeline) => {
            after.extend(pipeline.stages.iter().map(stage).collect::<Result<Vec<_>>>()?);
            Ok(pipeline)
        }
        MetricsExpr::Operation { position, .. } => {
            Err(Error::unsupported("arithmetic between metrics queries", *position))
        }
        MetricsExpr::Scale { op, position, number, number_first, operand } => {
            let pipeline = leaf(operand, after)?;
            let number = in_seconds(number)
                .ok_or_else(|| Error::invalid("series are only computed with numbers").at(*position))?;
            after.push(After::Scale { op: *op, number, number_first: *number_first });
            Ok(pipeline)
        }
        MetricsExpr::Staged { operand, stages } => {
            let pipeline = leaf(operand, after)?;
            after.extend(stages.iter().map(stage).collect::<Result<Vec<_>>>()?);
            Ok(pipeline)
        }
    }
}

fn stage(stage: &SecondStage) -> Result<After> {
    let count = |limit: i64| usize::try_from(limit).unwrap_or(0);
    Ok(match stage {
        SecondStage::TopK { limit, .. } => After::Top(count(*limit)),
        SecondStage::BottomK { limit, .. } => After::Bottom(count(*limit)),
        SecondStage::Filter { op, value, position } => {
            let than = in_seconds(value)
                .ok_or_else(|| Error::invalid("samples only compare with numbers").at(*position))?;
            After::Keep { op: *op, than }
        }
    })
}

#[allow(clippy::cast_precision_loss, reason = "samples are doubles")]
fn in_seconds(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Int(number) => Some(*number as f64),
        Literal::Float(number) => Some(*number),
        Literal::Duration(nanos) => Some(*nanos as f64 / 1e9),
        _ => None,
    }
}

fn task(pipeline: &MetricsPipeline) -> Result<Task> {
    use MetricsFunction as F;
    let field = |attribute: &Attribute| Some(attribute.field.clone());
    let (function, number) = match &pipeline.function {
        F::Rate => (Function::Rate, None),
        F::CountOverTime => (Function::Count, None),
        F::MinOverTime(of) => (Function::Min, field(of)),
        F::MaxOverTime(of) => (Function::Max, field(of)),
        F::SumOverTime(of) => (Function::Sum, field(of)),
        F::AvgOverTime(of) => (Function::Average, field(of)),
        F::QuantileOverTime(of, quantiles) => (Function::Quantiles(quantiles.clone()), field(of)),
        F::HistogramOverTime(of) => (Function::Histogram, field(of)),
        F::Compare { selection, top, window } => {
            let mut predicate = selection.predicate.clone();
            root_condition::rewrite_predicate(&mut predicate);
            return Ok(Task::Compare(CompareTask {
                selection: Predicate::of(&predicate)?,
                top: usize::try_from(*top).unwrap_or(0),
                window: window.filter(|window| *window != (0, 0)),
            }));
        }
    };
    let by = pipeline.by.iter().map(|by| by.field.clone()).collect();
    Ok(Task::Series(SeriesTask { name: pipeline.function.name(), function, number, by }))
}

/// `with (exemplars = 10)` or `with (exemplars = false)`. Hints that ask for samples of the spans
/// are met by all of them.
fn exemplars_hint(hints: &[Hint]) -> Option<usize> {
    let hint = hints.iter().rev().find(|hint| hint.name == "exemplars")?;
    match hint.value {
        Literal::Int(number) => Some(usize::try_from(number).unwrap_or(0)),
        Literal::Bool(false) => Some(0),
        _ => None,
    }
}

/// Whether a field's numbers are nanoseconds, which series show as seconds.
pub(super) fn is_duration(field: &FieldRef) -> bool {
    use Intrinsic as I;
    matches!(field, FieldRef::Intrinsic(I::Duration | I::TraceDuration | I::EventTimeSinceStart))
}
