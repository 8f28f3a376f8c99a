//! Metrics queries: time series computed from spans.

use super::super::Position;
use super::{Attribute, BinaryOp, Literal, Pipeline, SpansetFilter};

/// An expression that gives time series.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricsExpr {
    /// `{…} | rate() by (x) | topk(3)`
    Series(Box<MetricsPipeline>),
    /// Arithmetic between the series of two queries with the same labels.
    Operation {
        /// One of `+ - * /`.
        op: BinaryOp,
        /// Where it stands.
        position: Position,
        /// The series before it.
        left: Box<MetricsExpr>,
        /// The series after it.
        right: Box<MetricsExpr>,
    },
    /// Arithmetic between every sample and one number.
    Scale {
        /// One of `+ - * /`.
        op: BinaryOp,
        /// Where it stands.
        position: Position,
        /// The number: an integer or a float.
        number: Literal,
        /// Whether the number stands before the operator.
        number_first: bool,
        /// The series.
        operand: Box<MetricsExpr>,
    },
    /// Second stages after arithmetic: `(a) / (b) > 0.5 | topk(3)`.
    Staged {
        /// The series.
        operand: Box<MetricsExpr>,
        /// What is done with them, in order; never empty.
        stages: Vec<SecondStage>,
    },
}

/// Spans, a function over time, grouping, and what is done with the series.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsPipeline {
    /// Which spans.
    pub spansets: Pipeline,
    /// The function.
    pub function: MetricsFunction,
    /// The labels of the series; empty for one series.
    pub by: Vec<Attribute>,
    /// Where the function stands.
    pub position: Position,
    /// What is done with the series, in order.
    pub stages: Vec<SecondStage>,
}

/// A function from spans to time series.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricsFunction {
    /// Spans a second.
    Rate,
    /// Spans an interval.
    CountOverTime,
    /// The smallest value of an interval.
    MinOverTime(Attribute),
    /// The largest value of an interval.
    MaxOverTime(Attribute),
    /// The sum of an interval's values.
    SumOverTime(Attribute),
    /// The mean of an interval's values.
    AvgOverTime(Attribute),
    /// Quantiles of an interval's values.
    QuantileOverTime(Attribute, Vec<f64>),
    /// How an interval's values are distributed.
    HistogramOverTime(Attribute),
    /// Which attribute values are more frequent in a selection than outside it.
    Compare {
        /// The selection.
        selection: SpansetFilter,
        /// How many values of each attribute to return.
        top: i64,
        /// Start and end of the selection in nanoseconds, when it is narrower than the query.
        window: Option<(i64, i64)>,
    },
}

impl MetricsFunction {
    /// How the function is written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::CountOverTime => "count_over_time",
            Self::MinOverTime(_) => "min_over_time",
            Self::MaxOverTime(_) => "max_over_time",
            Self::SumOverTime(_) => "sum_over_time",
            Self::AvgOverTime(_) => "avg_over_time",
            Self::QuantileOverTime(..) => "quantile_over_time",
            Self::HistogramOverTime(_) => "histogram_over_time",
            Self::Compare { .. } => "compare",
        }
    }
}

/// What is done with series after they are computed.
#[derive(Debug, Clone, PartialEq)]
pub enum SecondStage {
    /// `topk(n)`
    TopK {
        /// How many series an interval.
        limit: i64,
        /// Where it stands.
        position: Position,
    },
    /// `bottomk(n)`
    BottomK {
        /// How many series an interval.
        limit: i64,
        /// Where it stands.
        position: Position,
    },
    /// `> 10`: keeps the samples for which it holds.
    Filter {
        /// One of `= != < <= > >=`.
        op: BinaryOp,
        /// A number, or a duration that is compared in seconds.
        value: Literal,
        /// Where it stands.
        position: Position,
    },
}
