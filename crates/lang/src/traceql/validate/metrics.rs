//! Metrics queries.

use super::super::{Error, MetricsExpr, MetricsFunction, MetricsPipeline, SecondStage};
use super::{check_pipeline, check_spanset};

/// How many labels a series may have, as in Tempo.
const GROUP_BY_MAX: usize = 5;
const COMPARE_TOP_MAX: i64 = 1_000;

pub(super) fn check(expression: &MetricsExpr) -> Result<(), Error> {
    match expression {
        MetricsExpr::Series(pipeline) => check_series(pipeline),
        MetricsExpr::Operation { left, right, .. } => {
            check(left)?;
            check(right)?;
            refuse_compare(left)?;
            refuse_compare(right)
        }
        MetricsExpr::Scale { operand, .. } => {
            check(operand)?;
            refuse_compare(operand)
        }
        MetricsExpr::Staged { operand, stages } => {
            check(operand)?;
            stages.iter().try_for_each(check_stage)?;
            refuse_compare(operand)
        }
    }
}

/// compare() gives labels of its own, which nothing after it could use.
fn refuse_compare(expression: &MetricsExpr) -> Result<(), Error> {
    match expression {
        MetricsExpr::Series(pipeline) => match pipeline.function {
            MetricsFunction::Compare { .. } => {
                Err(Error::invalid(pipeline.position, "nothing can follow or join compare()"))
            }
            _ => Ok(()),
        },
        MetricsExpr::Operation { left, right, .. } => {
            refuse_compare(left)?;
            refuse_compare(right)
        }
        MetricsExpr::Scale { operand, .. } | MetricsExpr::Staged { operand, .. } => refuse_compare(operand),
    }
}

fn check_series(pipeline: &MetricsPipeline) -> Result<(), Error> {
    check_pipeline(&pipeline.spansets)?;
    pipeline.stages.iter().try_for_each(check_stage)?;
    let position = pipeline.position;
    let mut labels_max = GROUP_BY_MAX;
    match &pipeline.function {
        MetricsFunction::QuantileOverTime(_, quantiles) => {
            labels_max -= 1;
            if quantiles.iter().any(|quantile| !(0.0..=1.0).contains(quantile)) {
                return Err(Error::invalid(position, "a quantile must be between 0 and 1"));
            }
        }
        // These add a label of their own.
        MetricsFunction::HistogramOverTime(_) | MetricsFunction::AvgOverTime(_) => labels_max -= 1,
        MetricsFunction::Compare { selection, top, window } => {
            check_spanset(selection)?;
            if !(1..=COMPARE_TOP_MAX).contains(top) {
                let message = format!("compare() takes 1 to {COMPARE_TOP_MAX} values");
                return Err(Error::invalid(position, message));
            }
            match window {
                None | Some((0, 0)) => {}
                Some((start, end)) if *start > 0 && end > start => {}
                Some(_) => {
                    let message = "the window of compare() must start after 0 and end later";
                    return Err(Error::invalid(position, message));
                }
            }
            if !pipeline.stages.is_empty() {
                return Err(Error::invalid(position, "nothing can follow or join compare()"));
            }
        }
        _ => {}
    }
    if pipeline.by.len() > labels_max {
        let feature = format!("grouping {}() by {} fields", pipeline.function.name(), pipeline.by.len());
        return Err(Error::unsupported(position, feature));
    }
    Ok(())
}

fn check_stage(stage: &SecondStage) -> Result<(), Error> {
    match stage {
        SecondStage::TopK { limit, position } | SecondStage::BottomK { limit, position } if *limit < 1 => {
            Err(Error::invalid(*position, "the limit must be at least 1"))
        }
        _ => Ok(()),
    }
}
