//! The newest-first scan: units by the newest row they can have, until no unit left can hold a row
//! that belongs to the answer.

use super::collector::{Candidate, Collector, Key};
use super::job::Job;
use super::request::{Columns, Limit};
use super::select::select;
use super::source::Source;
use super::units::{Unit, of_live};
use super::{assemble, job};
use crate::Error;
use crate::catalog::FileEntry;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use throughline_model::{Signal, schema};

/// Rows of a batch that is sent.
const BATCH_ROWS: usize = 8_192;
/// Fewer rows wait for more.
const SEND_AT_LEAST: usize = 1_024;
/// Rows whose ids are read at once, at first; more each time.
const FIRST_IDS: usize = 256;

/// What may still hold rows, by its newest.
struct Open {
    newest_ns: i64,
    number: Reverse<usize>,
    what: What,
}

enum What {
    File(Arc<FileEntry>),
    Unit(Unit),
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Open {}
impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Open {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.newest_ns, &self.number).cmp(&(other.newest_ns, &other.number))
    }
}

/// Runs the scan.
pub(super) fn run(job: &Job, send: &mut job::Send<'_>) -> Result<(), Error> {
    let mut scan = Newest::new(job);
    loop {
        let next = scan.open.peek().map(|open| open.newest_ns);
        scan.send(next, send)?;
        match scan.open.pop() {
            Some(open) if !scan.collector.is_beyond(open.newest_ns) => scan.look_at(open.what)?,
            _ => break,
        }
    }
    scan.send(None, send)
}

struct Newest<'a> {
    job: &'a Job,
    open: BinaryHeap<Open>,
    numbers: usize,
    collector: Collector,
    sources: Vec<Source>,
}

impl<'a> Newest<'a> {
    fn new(job: &'a Job) -> Self {
        let distinct = job.request.table == Signal::Traces;
        let collector = Collector::new(job.request.limit, distinct);
        let mut scan = Self { job, open: BinaryHeap::new(), numbers: 0, collector, sources: Vec::new() };
        for batch in &job.live {
            if let Some(unit) = of_live(batch, &job.request, &job.predicate.root) {
                scan.add(unit.times.1, What::Unit(unit));
            }
        }
        for file in &job.files {
            scan.add(file.t_max, What::File(file.clone()));
        }
        scan
    }

    fn add(&mut self, newest_ns: i64, what: What) {
        // Rows after the end of the range do not count.
        let newest_ns = match self.job.request.time.end_ns {
            i64::MAX => newest_ns,
            end_ns => newest_ns.min(end_ns - 1),
        };
        self.open.push(Open { newest_ns, number: Reverse(self.numbers), what });
        self.numbers += 1;
    }

    fn look_at(&mut self, what: What) -> Result<(), Error> {
        let job = self.job;
        job.meter.check()?;
        match what {
            What::File(file) => {
                let Some((segment, filter)) = job.open(&file)? else { return Ok(()) };
                for unit in job.meter.leave_out(job.units(&segment, &filter))?.unwrap_or_default() {
                    self.add(unit.times.1, What::Unit(unit));
                }
            }
            What::Unit(unit) => {
                job.meter.leave_out(self.collect(&unit))?;
            }
        }
        Ok(())
    }

    /// Adds the unit's rows that pass and may be in the answer, newest first.
    fn collect(&mut self, unit: &Unit) -> Result<(), Error> {
        let job = self.job;
        let matches = select(unit, &job.request, true, &job.meter)?;
        let column = job.request.table.time_column();
        let Some(times) =
            matches.batch.column_by_name(column).and_then(|a| a.as_primitive_opt::<Int64Type>())
        else {
            return Ok(());
        };
        let mut rows: Vec<(i64, u32)> = matches
            .rows(unit)
            .map(|(at, row)| (times.value(at), row))
            .filter(|(time, _)| !self.collector.is_beyond(*time))
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let number =
            u32::try_from(self.sources.len()).map_err(|_| Error::internal("a scan has too many units"))?;
        self.sources.push(unit.source.clone());
        let first = if job.request.limit == Limit::None { usize::MAX } else { FIRST_IDS };
        let (mut rest, mut step) = (rows.as_mut_slice(), first);
        while let Some(newest) = take_newest(&mut rest, step)
            && newest.first().is_some_and(|(time, _)| !self.collector.is_beyond(*time))
        {
            self.push(number, newest)?;
            self.collector.cut();
            step = step.saturating_mul(4);
        }
        Ok(())
    }

    fn push(&mut self, source: u32, rows: &[(i64, u32)]) -> Result<(), Error> {
        let ids = if self.job.request.table == Signal::Metrics {
            vec![([0; 16], [0; 8]); rows.len()]
        } else {
            ids(&self.sources[source as usize], rows, self.job)?
        };
        for ((time, row), (trace, span)) in rows.iter().zip(ids) {
            let key: Key = (Reverse(*time), trace, span);
            self.collector.push(Candidate { key, source, row: *row })?;
        }
        Ok(())
    }

    fn send(&mut self, next: Option<i64>, send: &mut job::Send<'_>) -> Result<(), Error> {
        let taken = self.collector.take_newer(next, SEND_AT_LEAST);
        for chunk in taken.chunks(BATCH_ROWS) {
            for batch in self.batches(chunk)? {
                send(batch)?;
            }
        }
        Ok(())
    }

    /// The second pass: the wanted columns of these rows, in their order.
    fn batches(&self, rows: &[Candidate]) -> Result<Vec<RecordBatch>, Error> {
        let mut by_source: Vec<(u32, u32, usize)> =
            rows.iter().enumerate().map(|(at, candidate)| (candidate.source, candidate.row, at)).collect();
        by_source.sort_unstable();
        let mut parts = Vec::new();
        let mut order = vec![None; rows.len()];
        for group in by_source.chunk_by(|a, b| a.0 == b.0) {
            let numbers: Vec<u32> = group.iter().map(|(_, row, _)| *row).collect();
            let source = &self.sources[group[0].0 as usize];
            let read = source.rows(&numbers, &self.job.request.columns, &self.job.meter);
            let Some(part) = self.job.meter.leave_out(read)? else { continue };
            for (position, (_, _, at)) in group.iter().enumerate() {
                order[*at] = Some((parts.len(), position));
            }
            parts.push(part);
        }
        let order: Vec<(usize, usize)> = order.into_iter().flatten().collect();
        if order.is_empty() { Ok(Vec::new()) } else { assemble::ordered(&parts, &order) }
    }
}

/// Takes about so many of the newest rows, in order, off the rest; `None` when there are none left.
fn take_newest<'a>(rest: &mut &'a mut [(i64, u32)], count: usize) -> Option<&'a [(i64, u32)]> {
    let mut rows = std::mem::take(rest);
    if rows.is_empty() {
        return None;
    }
    let newest_first = |(time, row): &(i64, u32)| (Reverse(*time), *row);
    if rows.len() > count.saturating_mul(4) {
        rows.select_nth_unstable_by_key(count, newest_first);
        (rows, *rest) = rows.split_at_mut(count);
    }
    rows.sort_unstable_by_key(newest_first);
    Some(rows)
}

/// A trace id and a span id.
type Ids = ([u8; 16], [u8; 8]);

/// Trace and span ids of rows, in their order; zeros where there are none.
fn ids(source: &Source, rows: &[(i64, u32)], job: &Job) -> Result<Vec<Ids>, Error> {
    let mut numbers: Vec<(u32, usize)> = rows.iter().enumerate().map(|(at, (_, row))| (*row, at)).collect();
    numbers.sort_unstable();
    let ascending: Vec<u32> = numbers.iter().map(|(row, _)| *row).collect();
    let columns = Columns::named(&[schema::TRACE_ID, schema::SPAN_ID]);
    let batch = source.rows(&ascending, &columns, &job.meter)?;
    let column = |name| batch.column_by_name(name).and_then(|array| array.as_fixed_size_binary_opt());
    let (traces, spans) = (column(schema::TRACE_ID), column(schema::SPAN_ID));
    let mut ids = vec![([0; 16], [0; 8]); rows.len()];
    for (position, (_, at)) in numbers.iter().enumerate() {
        if let Some(traces) = traces.filter(|traces| traces.is_valid(position)) {
            ids[*at].0 = traces.value(position).try_into().unwrap_or_default();
        }
        if let Some(spans) = spans.filter(|spans| spans.is_valid(position)) {
            ids[*at].1 = spans.value(position).try_into().unwrap_or_default();
        }
    }
    Ok(ids)
}
