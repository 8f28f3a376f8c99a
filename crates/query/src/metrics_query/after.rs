//! What is done with series once they are there: the top or bottom of each interval, comparisons
//! with a number, arithmetic with one.

use throughline_lang::traceql::BinaryOp;

use super::plan::After;
use super::series::Series;

/// Works on every series. A value that goes becomes NaN, and series without values go.
pub(super) fn apply(after: &After, mut series: Vec<Series>) -> Vec<Series> {
    match after {
        After::Top(count) => keep_best(&mut series, *count, |a, b| b.total_cmp(&a)),
        After::Bottom(count) => keep_best(&mut series, *count, |a, b| a.total_cmp(&b)),
        After::Keep { op, than } => {
            each(&mut series, |value| if holds(*op, value, *than) { value } else { f64::NAN })
        }
        After::Scale { op, number, number_first } => each(&mut series, |value| {
            let (left, right) = if *number_first { (*number, value) } else { (value, *number) };
            compute(*op, left, right)
        }),
    }
    series.retain(|series| series.values.iter().any(|value| !value.is_nan()));
    series
}

fn each(series: &mut [Series], change: impl Fn(f64) -> f64) {
    series.iter_mut().flat_map(|series| &mut series.values).for_each(|value| *value = change(*value));
}

fn holds(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Lt => left < right,
        BinaryOp::Le => left <= right,
        BinaryOp::Gt => left > right,
        BinaryOp::Ge => left >= right,
        _ => false,
    }
}

/// What is no finite number is no value.
fn compute(op: BinaryOp, left: f64, right: f64) -> f64 {
    let value = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        _ => f64::NAN,
    };
    if value.is_finite() { value } else { f64::NAN }
}

/// Keeps the first `count` values of each interval; among equal ones those of the first labels.
fn keep_best(series: &mut [Series], count: usize, order: impl Fn(f64, f64) -> std::cmp::Ordering) {
    series.sort_by(|a, b| a.key().cmp(&b.key()));
    let points = series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    for interval in 0..points {
        let mut values: Vec<(usize, f64)> = series
            .iter()
            .enumerate()
            .filter_map(|(index, series)| Some((index, *series.values.get(interval)?)))
            .filter(|(_, value)| !value.is_nan())
            .collect();
        values.sort_by(|a, b| order(a.1, b.1).then(a.0.cmp(&b.0)));
        for (index, _) in values.into_iter().skip(count) {
            if let Some(value) = series.get_mut(index).and_then(|series| series.values.get_mut(interval)) {
                *value = f64::NAN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldValue;
    use throughline_model::Value;

    fn series(rows: &[(&str, &[f64])]) -> Vec<Series> {
        let one = |(name, values): &(&str, &[f64])| Series {
            labels: vec![("x".to_owned(), FieldValue::Value(Value::from(*name)))],
            values: values.to_vec(),
            exemplars: Vec::new(),
            spans: 1,
        };
        rows.iter().map(one).collect()
    }

    fn shown(series: &[Series]) -> String {
        let mut text = String::new();
        for series in series {
            let values: Vec<String> = series.values.iter().map(f64::to_string).collect();
            text += &format!("{} {}; ", series.key()[0].1, values.join(" "));
        }
        text
    }

    #[test]
    fn top_and_bottom_are_taken_of_each_interval() {
        let all = series(&[("c", &[5.0, 1.0]), ("b", &[2.0, f64::NAN]), ("a", &[2.0, 0.5])]);
        assert_eq!(shown(&apply(&After::Top(1), all.clone())), "c 5 1; ");
        assert_eq!(shown(&apply(&After::Top(2), all.clone())), "a 2 0.5; c 5 1; ");
        assert_eq!(shown(&apply(&After::Bottom(1), all)), "a 2 0.5; ");
    }

    #[test]
    fn comparisons_keep_samples_and_arithmetic_changes_them() {
        let all = series(&[("a", &[1.0, 3.0]), ("b", &[0.0, 1.0])]);
        assert_eq!(shown(&apply(&After::Keep { op: BinaryOp::Gt, than: 1.0 }, all.clone())), "a NaN 3; ");
        let scale = After::Scale { op: BinaryOp::Div, number: 6.0, number_first: true };
        assert_eq!(shown(&apply(&scale, all)), "a 6 2; b NaN 6; ");
    }
}
