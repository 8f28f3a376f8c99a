//! Metrics queries: time series computed from spans.
//!
//! Where the store runs the condition exactly and a row tells every field that the query reads,
//! rows are counted as they come, by codes instead of by texts. Other queries are run on whole
//! traces, as searches are. Both give the same series.

mod after;
mod codes;
mod compare;
mod grid;
mod log_histogram;
mod numbers;
mod plan;
mod root_condition;
mod rows;
mod series;
mod series_table;
mod stored_field;
mod whole_traces;

use std::cmp::Reverse;

use throughline_lang::traceql::{FieldRef, compile};
use throughline_model::{SpanId, Tenant, TraceId};
use throughline_store::Store;
use throughline_store::scan::{Columns, Filter, TimeRange};

use crate::eval::selected;
use crate::limits::Meter;
use crate::lower::{lower, needed_columns};
use crate::{Error, FieldValue, Limits, QueryStats, Result};
use compare::{CompareTable, RowComparer};
use grid::Grid;
use numbers::number_of_field;
use plan::{CompareTask, Plan, SeriesTask, Task};
use rows::RowCounter;
use series::Series;
use series_table::{Seen, SeriesTable};
use whole_traces::WholeTraces;

/// The most series that an answer may have.
pub const SERIES_MAX: usize = 100_000;
/// The most exemplars that an answer may have.
pub const EXEMPLARS_MAX: usize = 1_000;

/// A metrics query.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanMetricsRequest {
    /// Whose spans.
    pub tenant: Tenant,
    /// The query.
    pub query: String,
    /// From when to when, both included.
    pub time: TimeRange,
    /// How far samples are apart; without, there is one sample for the whole range.
    pub step_ns: Option<i64>,
    /// How many exemplars at most; the query may say another number.
    pub exemplars: usize,
    /// How many series at most.
    pub series_max: usize,
}

/// The series that a metrics query gives.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanMetrics {
    /// By their labels.
    pub series: Vec<SpanSeries>,
    /// Whether every span was looked at and every series is there.
    pub complete: bool,
    /// What is missing, if something is.
    pub message: Option<String>,
    /// What the query cost.
    pub stats: QueryStats,
}

/// A time series.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSeries {
    /// Names and values, in the order of the query.
    pub labels: Vec<(String, FieldValue)>,
    /// By time; intervals without value have none.
    pub samples: Vec<Sample>,
    /// Some of the spans behind the samples.
    pub exemplars: Vec<Exemplar>,
}

/// A value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The end of the interval that it stands for.
    pub time_ns: i64,
    /// The value.
    pub value: f64,
}

/// A span behind a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: Option<SpanId>,
    /// When it starts.
    pub time_ns: i64,
    /// The number that it added, or the sample where spans are counted.
    pub value: f64,
}

/// Runs one query.
struct Run<'a> {
    store: &'a Store,
    limits: &'a Limits,
    tenant: &'a Tenant,
    grid: Grid,
    plan: &'a Plan,
    exemplars: usize,
}

pub(crate) async fn run(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    request: SpanMetricsRequest,
) -> Result<SpanMetrics> {
    if request.series_max == 0 || request.series_max > SERIES_MAX {
        let message =
            format!("the number of series must be from 1 to {SERIES_MAX}, not {}", request.series_max);
        return Err(Error::invalid(message));
    }
    let text = request.query.as_str();
    let plan = compile(text)
        .map_err(Error::from)
        .and_then(|query| Plan::of(&query))
        .map_err(|error| error.in_text(text))?;
    let grid = Grid::new(request.time, request.step_ns)?;
    let exemplars = plan.exemplars.unwrap_or(request.exemplars).min(EXEMPLARS_MAX);
    let run = Run { store, limits, tenant: &request.tenant, grid, plan: &plan, exemplars };
    let (mut series, left_out) = match &plan.task {
        Task::Series(task) => run.series(task, &mut meter).await?,
        Task::Compare(task) => run.compare(task, &mut meter).await?,
    };
    for after in &plan.after {
        series = after::apply(after, series);
    }
    let message = cut(&mut series, request.series_max, left_out, &meter);
    let series = series.into_iter().map(|series| run.shown(series)).collect();
    let (complete, stats) = meter.finish();
    Ok(SpanMetrics { series, complete: complete && message.is_none(), message, stats })
}

/// Leaves so many series, those of the most spans; says what the answer lacks.
fn cut(series: &mut Vec<Series>, max: usize, left_out: bool, meter: &Meter) -> Option<String> {
    let found = series.len();
    let mut keyed: Vec<_> = series.drain(..).map(|series| (sort_key(&series), series)).collect();
    if found > max {
        keyed.sort_by(|(a_key, a), (b_key, b)| (Reverse(a.spans), a_key).cmp(&(Reverse(b.spans), b_key)));
        keyed.truncate(max);
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    series.extend(keyed.into_iter().map(|(_, series)| series));
    if left_out {
        Some("there are more groups of spans than can be kept: some are left out".to_owned())
    } else if found > max {
        Some(format!("{max} of {found} series are shown, those of the most spans"))
    } else if meter.is_complete() {
        None
    } else {
        Some("a limit was reached before every span was looked at".to_owned())
    }
}

/// The order of series: by their labels, numbers by size.
fn sort_key(series: &Series) -> Vec<(String, i64, String)> {
    let size = |value: &FieldValue| match value {
        FieldValue::Value(throughline_model::Value::Double(number)) => {
            let bits = number.to_bits().cast_signed();
            bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
        }
        FieldValue::Value(throughline_model::Value::Int(number)) => *number,
        _ => 0,
    };
    series.labels.iter().map(|(name, value)| (name.clone(), size(value), value.text())).collect()
}

impl Run<'_> {
    /// The filter, when the store runs the whole condition.
    fn exact_filter(&self) -> Option<Filter> {
        let lowered = lower(self.plan.program.single_predicate()?);
        lowered.exact.then_some(lowered.filter)
    }

    async fn series(&self, task: &SeriesTask, meter: &mut Meter) -> Result<(Vec<Series>, bool)> {
        let mut table = SeriesTable::new(&task.function, self.grid.points());
        match (self.exact_filter(), RowCounter::new(task, self.grid)) {
            (Some(Filter::None), _) => {}
            (Some(filter), Some(mut rows)) => {
                rows.count(self.store, self.tenant, &filter, &mut table, meter).await?;
                if self.exemplars > 0 && !table.groups.is_empty() {
                    let wanted = (&mut table, self.exemplars);
                    rows.find_exemplars(self.store, self.tenant, &filter, wanted, meter).await?;
                }
            }
            _ => self.series_of_traces(task, &mut table, meter).await?,
        }
        let left_out = table.left_out;
        Ok((series::series(task, self.grid, table), left_out))
    }

    async fn series_of_traces(
        &self,
        task: &SeriesTask,
        table: &mut SeriesTable,
        meter: &mut Meter,
    ) -> Result<()> {
        let mut fields: Vec<&FieldRef> = task.by.iter().chain(&task.number).collect();
        self.plan.program.for_each_field(&mut |field| fields.push(field));
        let mut left = self.exemplars;
        let visit = |trace: &crate::Trace, index: usize, interval: usize| {
            let value = |field: &FieldRef| selected(field, trace, index).filter(|value| *value != NULL);
            let number = task.number.as_ref().and_then(value).as_ref().and_then(number_of_field);
            let values: Vec<_> = task.by.iter().map(value).collect();
            let (Some(group), Some(span)) = (table.group(&values), trace.spans.get(index)) else { return };
            table.add(group, interval, number);
            let (trace_id, span_id, start_ns) = (span.trace_id, Some(span.span_id), span.start_ns);
            if left > 0 && table.add_exemplar(group, Seen { trace_id, span_id, start_ns, number }) {
                left -= 1;
            }
        };
        self.whole_traces(needed_columns(fields)).each(meter, visit).await
    }

    async fn compare(&self, task: &CompareTask, meter: &mut Meter) -> Result<(Vec<Series>, bool)> {
        let mut table = CompareTable::default();
        match (self.exact_filter(), RowComparer::new(task, self.grid)) {
            (Some(Filter::None), _) => {}
            (Some(filter), Some(mut rows)) => {
                rows.compare(self.store, self.tenant, &filter, &mut table, meter).await?;
            }
            _ => {
                let visit = |trace: &crate::Trace, index: usize, interval: usize| {
                    table.add_span(trace, index, task.side(trace, index), interval);
                };
                self.whole_traces(Columns::All).each(meter, visit).await?;
            }
        }
        let left_out = table.left_out;
        Ok((table.series(task, self.grid), left_out))
    }

    fn whole_traces(&self, columns: Columns) -> WholeTraces<'_> {
        let (store, tenant, limits) = (self.store, self.tenant, self.limits);
        WholeTraces { store, tenant, limits, program: &self.plan.program, grid: self.grid, columns }
    }

    fn shown(&self, series: Series) -> SpanSeries {
        let sample =
            |(index, value): (usize, &f64)| Sample { time_ns: self.grid.time_of(index), value: *value };
        let samples = series.values.iter().enumerate().filter(|(_, value)| value.is_finite()).map(sample);
        let samples = samples.collect();
        let exemplar = |(seen, value): &(Seen, f64)| Exemplar {
            trace_id: seen.trace_id,
            span_id: seen.span_id,
            time_ns: seen.start_ns,
            value: *value,
        };
        let exemplars =
            series.exemplars.iter().filter(|(_, value)| value.is_finite()).map(exemplar).collect();
        SpanSeries { labels: series.labels, samples, exemplars }
    }
}

/// An attribute that was sent without value.
const NULL: FieldValue = FieldValue::Value(throughline_model::Value::Null);
