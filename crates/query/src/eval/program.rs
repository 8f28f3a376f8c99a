//! A whole pipeline made ready to run on traces: what a search evaluates.

mod aggregate;
mod structure;

use throughline_lang::traceql::{
    Attribute, FieldRef, Pipeline, Position, Query, QueryBody, SpansetExpr, SpansetOp, Stage,
};

use super::compile::{Node, compile};
use super::predicate::Predicate;
use super::values::group_value;
use crate::trace::Trace;
use crate::{Error, FieldValue, Result};
use aggregate::ScalarTest;

/// Spans of one trace that belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Spanset {
    /// Indexes of the spans, ascending.
    pub(crate) spans: Vec<usize>,
    /// What the pipeline computed: group values and aggregates, by how they are written.
    pub(crate) attributes: Vec<(String, FieldValue)>,
}

/// A pipeline made ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    stages: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Spansets(Spans),
    Filter(ScalarTest),
    Group { by: Node, name: String },
    Coalesce,
    Select(Vec<Attribute>),
}

/// What selects spans.
#[derive(Debug, Clone)]
pub(crate) enum Spans {
    Filter(Predicate),
    Operation(SpansetOp, Box<Spans>, Box<Spans>),
    Pipeline(Program),
}

impl Program {
    /// Makes a checked query ready to run.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unsupported`] for metrics, and for comparisons between pipelines.
    pub(crate) fn of(query: &Query) -> Result<Self> {
        match &query.body {
            QueryBody::Spansets(pipeline) => Self::compile(pipeline),
            QueryBody::PipelineComparison(filter) => {
                Err(Error::unsupported("a comparison between pipelines", filter.position))
            }
            QueryBody::Metrics(expression) => {
                let (name, position) = metrics_function(expression);
                Err(Error::unsupported(&format!("the metrics function {name}()"), position))
            }
        }
    }

    fn compile(pipeline: &Pipeline) -> Result<Self> {
        let stages = pipeline.stages.iter().map(step).collect::<Result<_>>()?;
        Ok(Self { stages })
    }

    /// What the pipeline leaves of a trace, in a fixed order.
    pub(crate) fn run(&self, trace: &Trace) -> Vec<Spanset> {
        let everything = Spanset { spans: (0..trace.spans.len()).collect(), attributes: Vec::new() };
        self.run_on(trace, vec![everything])
    }

    fn run_on(&self, trace: &Trace, input: Vec<Spanset>) -> Vec<Spanset> {
        self.stages.iter().fold(input, |spansets, step| match step {
            Step::Spansets(spans) => {
                spansets.into_iter().filter_map(|spanset| spans.of(trace, spanset)).collect()
            }
            Step::Filter(test) => {
                spansets.into_iter().filter_map(|spanset| test.keep(trace, spanset)).collect()
            }
            Step::Group { by, name } => {
                spansets.into_iter().flat_map(|spanset| group(trace, spanset, by, name)).collect()
            }
            Step::Coalesce => coalesce(spansets),
            Step::Select(_) => spansets,
        })
    }

    /// What selects the spans in the first place; `None` when the pipeline starts with all spans.
    pub(crate) fn first(&self) -> Option<&Spans> {
        match self.stages.first() {
            Some(Step::Spansets(spans)) => Some(spans),
            _ => None,
        }
    }

    /// Whether what the pipeline leaves of a trace are the spans that meet one predicate.
    pub(crate) fn single_predicate(&self) -> Option<&Predicate> {
        let mut found = None;
        for step in &self.stages {
            match (step, found) {
                (Step::Spansets(Spans::Filter(predicate)), None) => found = Some(predicate),
                (Step::Select(_), _) => {}
                _ => return None,
            }
        }
        found
    }

    /// Calls `visit` with every field that the pipeline reads.
    pub(crate) fn for_each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a FieldRef)) {
        for step in &self.stages {
            match step {
                Step::Spansets(spans) => spans.for_each_field(visit),
                Step::Filter(test) => test.for_each_field(visit),
                Step::Group { by, .. } => by.for_each_field(true, visit),
                Step::Coalesce => {}
                Step::Select(attributes) => attributes.iter().for_each(|a| visit(&a.field)),
            }
        }
    }
}

fn metrics_function(expression: &throughline_lang::traceql::MetricsExpr) -> (&'static str, Position) {
    use throughline_lang::traceql::MetricsExpr as M;
    match expression {
        M::Series(series) => (series.function.name(), series.position),
        M::Operation { left, .. } => metrics_function(left),
        M::Scale { operand, .. } | M::Staged { operand, .. } => metrics_function(operand),
    }
}

fn step(stage: &Stage) -> Result<Step> {
    Ok(match stage {
        Stage::Spansets(expression) => Step::Spansets(Spans::of_expression(expression)?),
        Stage::Filter(filter) => Step::Filter(ScalarTest::of(filter)?),
        Stage::Group { by, .. } => Step::Group { by: compile(by)?, name: format!("by({by})") },
        Stage::Coalesce { .. } => Step::Coalesce,
        Stage::Select { attributes, .. } => Step::Select(attributes.clone()),
    })
}

impl Spans {
    fn of_expression(expression: &SpansetExpr) -> Result<Self> {
        Ok(match expression {
            SpansetExpr::Filter(filter) => Self::Filter(Predicate::of(&filter.predicate)?),
            SpansetExpr::Pipeline(pipeline) => Self::Pipeline(Program::compile(pipeline)?),
            SpansetExpr::Operation { op, left, right, .. } => Self::Operation(
                *op,
                Box::new(Self::of_expression(left)?),
                Box::new(Self::of_expression(right)?),
            ),
        })
    }

    /// What is left of a spanset; `None` when nothing is.
    fn of(&self, trace: &Trace, mut spanset: Spanset) -> Option<Spanset> {
        spanset.spans = self.select(trace, &spanset.spans);
        (!spanset.spans.is_empty()).then_some(spanset)
    }

    fn select(&self, trace: &Trace, spans: &[usize]) -> Vec<usize> {
        match self {
            Self::Filter(predicate) => {
                spans.iter().copied().filter(|span| predicate.holds(trace, *span)).collect()
            }
            Self::Pipeline(program) => {
                let input = Spanset { spans: spans.to_vec(), attributes: Vec::new() };
                let mut spans: Vec<usize> =
                    program.run_on(trace, vec![input]).into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                spans
            }
            Self::Operation(op, left, right) => {
                let left = left.select(trace, spans);
                let right = right.select(trace, spans);
                structure::join(*op, trace, &left, &right)
            }
        }
    }

    fn for_each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a FieldRef)) {
        match self {
            Self::Filter(predicate) => predicate.root().for_each_field(true, visit),
            Self::Pipeline(program) => program.for_each_field(visit),
            Self::Operation(_, left, right) => {
                left.for_each_field(visit);
                right.for_each_field(visit);
            }
        }
    }
}

/// One spanset a value, in the order of the first span that has it.
fn group(trace: &Trace, spanset: Spanset, by: &Node, name: &str) -> Vec<Spanset> {
    let mut groups: Vec<(Option<FieldValue>, Spanset)> = Vec::new();
    for span in spanset.spans {
        let value = group_value(by, trace, span);
        match groups.iter_mut().find(|(have, _)| *have == value) {
            Some((_, group)) => group.spans.push(span),
            None => {
                let mut attributes = spanset.attributes.clone();
                attributes.extend(value.clone().map(|value| (name.to_owned(), value)));
                groups.push((value, Spanset { spans: vec![span], attributes }));
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn coalesce(spansets: Vec<Spanset>) -> Vec<Spanset> {
    let mut spans: Vec<usize> = spansets.into_iter().flat_map(|spanset| spanset.spans).collect();
    spans.sort_unstable();
    spans.dedup();
    if spans.is_empty() { Vec::new() } else { vec![Spanset { spans, attributes: Vec::new() }] }
}

#[cfg(test)]
mod tests;
