//! Metrics queries.

use std::fmt::{self, Display, Formatter, Write as _};

use super::super::{BinaryOp, Literal, MetricsExpr, MetricsFunction, MetricsPipeline, SecondStage};
use super::list;
use super::scalar::number;

impl Display for MetricsExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series(pipeline) => pipeline.fmt(f),
            Self::Operation { op, left, right, .. } => {
                operand(f, left, *op, false)?;
                write!(f, " {} ", op.sign())?;
                operand(f, right, *op, true)
            }
            Self::Scale { op, number: literal, number_first: true, operand: series, .. } => {
                number(f, literal)?;
                write!(f, " {} ", op.sign())?;
                operand(f, series, *op, true)
            }
            Self::Scale { op, number: literal, operand: series, .. } => {
                operand(f, series, *op, false)?;
                write!(f, " {} ", op.sign())?;
                number(f, literal)
            }
            Self::Staged { operand: series, stages } => {
                operand(f, series, BinaryOp::And, false)?;
                stages.iter().try_for_each(|stage| stage.fmt(f))
            }
        }
    }
}

fn operand(f: &mut Formatter<'_>, series: &MetricsExpr, op: BinaryOp, right: bool) -> fmt::Result {
    let brackets = match series {
        MetricsExpr::Series(_) | MetricsExpr::Staged { .. } => true,
        MetricsExpr::Operation { op: inner, .. } | MetricsExpr::Scale { op: inner, .. } => {
            inner.precedence() < op.precedence() || (right && inner.precedence() == op.precedence())
        }
    };
    super::bracketed(f, brackets, series)
}

impl Display for MetricsPipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {}", self.spansets, self.function)?;
        if !self.by.is_empty() {
            f.write_str(" by (")?;
            list(f, &self.by)?;
            f.write_char(')')?;
        }
        self.stages.iter().try_for_each(|stage| stage.fmt(f))
    }
}

impl Display for MetricsFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name())?;
        match self {
            Self::Rate | Self::CountOverTime => {}
            Self::MinOverTime(attribute)
            | Self::MaxOverTime(attribute)
            | Self::SumOverTime(attribute)
            | Self::AvgOverTime(attribute)
            | Self::HistogramOverTime(attribute) => attribute.fmt(f)?,
            Self::QuantileOverTime(attribute, quantiles) => {
                attribute.fmt(f)?;
                for quantile in quantiles {
                    write!(f, ", {}", Literal::Float(*quantile))?;
                }
            }
            Self::Compare { selection, top, window } => {
                write!(f, "{selection}, {top}")?;
                if let Some((start, end)) = window {
                    write!(f, ", {start}, {end}")?;
                }
            }
        }
        f.write_char(')')
    }
}

impl Display for SecondStage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopK { limit, .. } => write!(f, " | topk({limit})"),
            Self::BottomK { limit, .. } => write!(f, " | bottomk({limit})"),
            Self::Filter { op, value, .. } => {
                write!(f, " {} ", op.sign())?;
                number(f, value)
            }
        }
    }
}
