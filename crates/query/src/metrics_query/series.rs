//! Series: labels and a value an interval, made from what was counted.

use throughline_model::Value;

use super::grid::Grid;
use super::log_histogram::{Bucket, bucket_at, bucket_max, quantile};
use super::plan::{Function, SeriesTask, is_duration};
use super::series_table::{Cells, Group, Number, Seen, SeriesTable};
use crate::FieldValue;

const NANOS: f64 = 1e9;

/// A series while it is worked on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) labels: Vec<(String, FieldValue)>,
    /// A value an interval; NaN for none.
    pub(super) values: Vec<f64>,
    pub(super) exemplars: Vec<(Seen, f64)>,
    /// How many spans it is made from.
    pub(super) spans: u64,
}

impl Series {
    /// The labels as text: the order of series in an answer.
    pub(super) fn key(&self) -> Vec<(&str, String)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.text())).collect()
    }
}

/// What a label without value is shown as.
pub(super) fn nil() -> FieldValue {
    FieldValue::Value(Value::from("nil"))
}

/// The series of every group.
pub(super) fn series(task: &SeriesTask, grid: Grid, table: SeriesTable) -> Vec<Series> {
    let unit = if task.number.as_ref().is_some_and(is_duration) { NANOS } else { 1.0 };
    let maker = Maker { task, grid, unit };
    table.groups.into_iter().filter(|group| group.spans > 0).flat_map(|group| maker.of(group)).collect()
}

struct Maker<'a> {
    task: &'a SeriesTask,
    grid: Grid,
    /// What numbers are divided by.
    unit: f64,
}

impl Maker<'_> {
    fn of(&self, group: Group) -> Vec<Series> {
        match &group.cells {
            Cells::Counts(counts) => {
                let divisor = if self.task.function == Function::Rate { self.grid.seconds() } else { 1.0 };
                let values: Vec<f64> = counts.iter().map(|count| float(*count) / divisor).collect();
                vec![self.one(&group, values)]
            }
            Cells::Numbers(numbers) => {
                let average = self.task.function == Function::Average;
                let value = |(number, count): &(f64, u64)| match count {
                    0 => f64::NAN,
                    count => number / self.unit / if average { float(*count) } else { 1.0 },
                };
                let values = numbers.iter().map(value).collect();
                vec![self.one(&group, values)]
            }
            Cells::Buckets(buckets) => {
                let used: Vec<(Bucket, &[u64])> = buckets
                    .iter()
                    .enumerate()
                    .filter_map(|(slot, counts)| Some((bucket_at(slot), counts.as_deref()?)))
                    .collect();
                match &self.task.function {
                    Function::Quantiles(quantiles) => self.quantiles(&group, &used, quantiles),
                    _ => self.histogram(&group, &used),
                }
            }
        }
    }

    /// The group's labels; where the spans have none of the fields, the first says so.
    fn labels(&self, group: &Group, more: Option<(&str, f64)>) -> Vec<(String, FieldValue)> {
        let values = self.task.by.iter().zip(&group.values);
        let mut labels: Vec<_> =
            values.filter_map(|(field, value)| Some((field.to_string(), value.clone()?))).collect();
        labels.extend(more.map(|(name, value)| (name.to_owned(), FieldValue::Value(Value::Double(value)))));
        if labels.is_empty() {
            labels.push(match self.task.by.first() {
                Some(field) => (field.to_string(), nil()),
                None => ("__name__".to_owned(), FieldValue::Value(Value::from(self.task.name))),
            });
        }
        labels
    }

    fn one(&self, group: &Group, values: Vec<f64>) -> Series {
        let shown = |seen: &Seen| match seen.number {
            Some(number) => Some(self.number(number)),
            None => values.get(self.grid.index(seen.start_ns)?).copied(),
        };
        let exemplars = group.exemplars.iter().filter_map(|seen| Some((*seen, shown(seen)?))).collect();
        Series { labels: self.labels(group, None), values, exemplars, spans: group.spans }
    }

    fn number(&self, number: Number) -> f64 {
        number.as_f64() / self.unit
    }

    /// A series for each quantile; an exemplar goes with the quantile that it is nearest to.
    fn quantiles(&self, group: &Group, used: &[(Bucket, &[u64])], quantiles: &[f64]) -> Vec<Series> {
        let at = |interval: usize| -> Vec<(Bucket, u64)> {
            let counts = used.iter().map(|(bucket, counts)| (*bucket, counts.get(interval).copied()));
            counts.filter_map(|(bucket, count)| Some((bucket, count.filter(|count| *count > 0)?))).collect()
        };
        let intervals: Vec<_> = (0..self.grid.points()).map(at).collect();
        let whole: Vec<_> = used.iter().map(|(bucket, counts)| (*bucket, counts.iter().sum())).collect();
        let overall: Vec<f64> = quantiles.iter().map(|q| quantile(*q, &whole) / self.unit).collect();
        let nearest = |seen: &Seen| {
            let value = self.number(seen.number?);
            let off = |index: &usize| overall.get(*index).map_or(f64::INFINITY, |have| (have - value).abs());
            let nearest = (0..overall.len()).min_by(|a, b| off(a).total_cmp(&off(b)))?;
            Some((nearest, (*seen, value)))
        };
        let exemplars: Vec<_> = group.exemplars.iter().filter_map(nearest).collect();
        let one = |(index, q): (usize, &f64)| Series {
            labels: self.labels(group, Some(("p", *q))),
            values: intervals.iter().map(|buckets| quantile(*q, buckets) / self.unit).collect(),
            exemplars: exemplars.iter().filter(|(of, _)| *of == index).map(|(_, seen)| *seen).collect(),
            spans: group.spans,
        };
        quantiles.iter().enumerate().map(one).collect()
    }

    /// A series for each bucket, labelled with its largest value.
    fn histogram(&self, group: &Group, used: &[(Bucket, &[u64])]) -> Vec<Series> {
        let one = |(bucket, counts): &(Bucket, &[u64])| {
            let of_bucket = |seen: &&Seen| seen.number.and_then(Number::bucket) == Some(*bucket);
            let shown = |seen: &Seen| Some((*seen, self.number(seen.number?)));
            Series {
                labels: self.labels(group, Some(("__bucket", bucket_max(*bucket) / self.unit))),
                values: counts.iter().map(|count| float(*count)).collect(),
                exemplars: group.exemplars.iter().filter(of_bucket).filter_map(shown).collect(),
                spans: counts.iter().sum(),
            }
        };
        used.iter().map(one).collect()
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of spans")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
