//! Counting rows as the store gives them, without making spans of them: for queries whose
//! condition the store runs exactly and whose fields a row tells on its own.

use arrow::array::{Array, AsArray, RecordBatch};
use hashbrown::HashMap;
use throughline_model::{Signal, SpanId, Tenant, TraceId, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, Filter, Limit, Order, ScanRequest};

use super::codes::{Codes, CodesReader};
use super::grid::Grid;
use super::numbers::Numbers;
use super::plan::SeriesTask;
use super::series_table::{Seen, SeriesTable};
use crate::Result;
use crate::catalog::times;
use crate::limits::Meter;
use crate::run::scan;

/// No group: there was no room for it, or it was not looked for yet.
const NONE: u32 = u32::MAX;
const UNKNOWN: u32 = u32::MAX - 1;
/// Combinations of values for which a plain array is kept.
const TABLE_MAX: usize = 1 << 16;
/// Exemplars are taken from the ends of so many intervals.
const PARTS: usize = 2;

/// Reads what a function needs from batches.
#[derive(Debug)]
pub(super) struct RowCounter<'a> {
    by: Vec<CodesReader<'a>>,
    number: Option<Numbers>,
    grid: Grid,
}

impl<'a> RowCounter<'a> {
    /// `None` when a field needs the whole trace.
    pub(super) fn new(task: &'a SeriesTask, grid: Grid) -> Option<Self> {
        let number = match &task.number {
            Some(field) => Some(Numbers::new(field)?),
            None => None,
        };
        let by = task.by.iter().map(CodesReader::new).collect::<Option<_>>()?;
        Some(Self { by, number, grid })
    }

    fn columns(&self) -> Columns {
        let mut columns = Columns::named(&[schema::START_NS]);
        self.by.iter().for_each(|by| columns.add(by.stored()));
        if let Some(number) = &self.number {
            columns.add(number.stored());
        }
        columns
    }

    /// Counts every row that passes.
    pub(super) async fn count(
        &mut self,
        store: &Store,
        tenant: &Tenant,
        filter: &Filter,
        table: &mut SeriesTable,
        meter: &mut Meter,
    ) -> Result<()> {
        let request = ScanRequest {
            time: self.grid.time(),
            filter: filter.clone(),
            columns: self.columns(),
            ..ScanRequest::new(tenant.clone(), Signal::Traces)
        };
        scan(store, request, meter, |batch| self.add(&batch, table)).await
    }

    fn add(&mut self, batch: &RecordBatch, table: &mut SeriesTable) -> Result<()> {
        let groups = self.groups(batch, table)?;
        let times = times(batch, schema::START_NS)?;
        let mut cursor = self.grid.cursor();
        match &self.number {
            None => {
                for (group, time) in groups.iter().zip(times) {
                    if let Some(interval) = cursor.index(*time) {
                        table.add(*group, interval, None);
                    }
                }
                Ok(())
            }
            Some(numbers) => numbers.each(batch, |row, number| {
                if let (Some(group), Some(time)) = (groups.get(row), times.get(row))
                    && let Some(interval) = cursor.index(*time)
                {
                    table.add(*group, interval, number);
                }
            }),
        }
    }

    /// The group of each row.
    fn groups(&mut self, batch: &RecordBatch, table: &mut SeriesTable) -> Result<Vec<u32>> {
        let by: Vec<Codes> = self.by.iter_mut().map(|by| by.read(batch)).collect::<Result<_>>()?;
        let mut found = |combination: usize| {
            let mut rest = combination;
            let values = by.iter().map(|codes| {
                let code = rest % codes.values.len().max(1);
                rest /= codes.values.len().max(1);
                codes.values.get(code).cloned().flatten()
            });
            table.group(&values.collect::<Vec<_>>()).unwrap_or(NONE)
        };
        let Some((first, others)) = by.split_first() else {
            return Ok(vec![found(0); batch.num_rows()]);
        };
        let mut combinations = first.values.len().max(1);
        let mut rows: Vec<usize> = first.rows.iter().map(|code| *code as usize).collect();
        for codes in others {
            for (row, code) in rows.iter_mut().zip(&codes.rows) {
                *row = row.saturating_add((*code as usize).saturating_mul(combinations));
            }
            combinations = combinations.saturating_mul(codes.values.len().max(1));
        }
        if combinations <= TABLE_MAX {
            let mut groups = vec![UNKNOWN; combinations];
            let of_row = |row: usize| {
                let Some(group) = groups.get_mut(row) else { return NONE };
                if *group == UNKNOWN {
                    *group = found(row);
                }
                *group
            };
            return Ok(rows.into_iter().map(of_row).collect());
        }
        let mut groups: HashMap<usize, u32, ahash::RandomState> = HashMap::default();
        Ok(rows.into_iter().map(|row| *groups.entry(row).or_insert_with(|| found(row))).collect())
    }

    /// Remembers some spans to look at: the newest of some intervals that have any, so that little
    /// is read besides.
    pub(super) async fn find_exemplars(
        &mut self,
        store: &Store,
        tenant: &Tenant,
        filter: &Filter,
        (table, wanted): (&mut SeriesTable, usize),
        meter: &mut Meter,
    ) -> Result<()> {
        let busy = table.busy_intervals();
        let parts = busy.len().min(PARTS);
        let each = wanted.div_ceil(parts.max(1));
        let mut left = wanted;
        let mut columns = self.columns();
        columns.add_column(schema::TRACE_ID);
        columns.add_column(schema::SPAN_ID);
        for part in 0..parts {
            let Some(interval) = busy.get((2 * part + 1) * busy.len() / (2 * parts)) else { break };
            if left == 0 || !meter.is_complete() {
                break;
            }
            let request = ScanRequest {
                time: self.grid.time_in(*interval),
                filter: filter.clone(),
                columns: columns.clone(),
                order: Order::NewestFirst,
                limit: Limit::Rows(each),
                ..ScanRequest::new(tenant.clone(), Signal::Traces)
            };
            scan(store, request, meter, |batch| self.remember(&batch, table, &mut left)).await?;
        }
        Ok(())
    }

    fn remember(&mut self, batch: &RecordBatch, table: &mut SeriesTable, left: &mut usize) -> Result<()> {
        let groups = self.groups(batch, table)?;
        let times = times(batch, schema::START_NS)?;
        let id = |name: &str| batch.column_by_name(name).and_then(|ids| ids.as_fixed_size_binary_opt());
        let (Some(traces), spans) = (id(schema::TRACE_ID), id(schema::SPAN_ID)) else { return Ok(()) };
        let mut remember = |row: usize, number| {
            let (Some(group), Some(start_ns)) = (groups.get(row), times.get(row)) else { return };
            let Some(trace_id) = TraceId::from_slice(traces.value(row)) else { return };
            let span_id =
                spans.filter(|ids| ids.is_valid(row)).and_then(|ids| SpanId::from_slice(ids.value(row)));
            let seen = Seen { trace_id, span_id, start_ns: *start_ns, number };
            if *left > 0 && table.add_exemplar(*group, seen) {
                *left -= 1;
            }
        };
        match &self.number {
            Some(numbers) => numbers.each(batch, remember),
            None => {
                (0..batch.num_rows()).for_each(|row| remember(row, None));
                Ok(())
            }
        }
    }
}
