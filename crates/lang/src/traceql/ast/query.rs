//! A whole query.

use super::super::Position;
use super::{Literal, MetricsExpr, Pipeline, ScalarFilter, SpansetExpr, Stage};

/// A whole query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What is asked.
    pub body: QueryBody,
    /// `with (name = value, …)`: advice to the engine.
    pub hints: Vec<Hint>,
}

/// What a query asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryBody {
    /// Spans of traces.
    Spansets(Pipeline),
    /// A comparison between whole pipelines; parsed, supported by nobody.
    PipelineComparison(Box<ScalarFilter>),
    /// Time series.
    Metrics(MetricsExpr),
}

/// One `name = value` of `with (…)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Literal,
    /// Where the name stands.
    pub position: Position,
}

impl Query {
    /// Whether the query asks for time series.
    #[must_use]
    pub fn is_metrics(&self) -> bool {
        matches!(self.body, QueryBody::Metrics(_))
    }

    /// The value of a hint; the last one given wins.
    #[must_use]
    pub fn hint(&self, name: &str) -> Option<&Literal> {
        self.hints.iter().rev().find(|hint| hint.name == name).map(|hint| &hint.value)
    }

    /// The spanset expression, when the query is nothing else: no pipeline, no metrics.
    #[must_use]
    pub fn as_spanset(&self) -> Option<&SpansetExpr> {
        match &self.body {
            QueryBody::Spansets(pipeline) => match pipeline.stages.as_slice() {
                [Stage::Spansets(expression)] => Some(expression),
                _ => None,
            },
            _ => None,
        }
    }
}
