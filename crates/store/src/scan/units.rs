//! Cuts the sources of a scan into units of rows that can be left alone, or looked at, on their own.

use super::meter::Meter;
use super::predicate::Node;
use super::prune::{Known, simplify};
use super::request::{Columns, ScanRequest, TimeRange};
use super::source::{OpenSegment, Source};
use crate::Error;
use crate::catalog::FileEntry;
use crate::segment::{Bounds, Page, RowGroup};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use std::ops::Range;
use std::sync::Arc;
use throughline_model::{Signal, schema};

/// Most pages of a unit: few, for the memory that their columns take, and as a scan may stop soon.
const PAGES_MAX: usize = 4;

/// Which rows a unit has.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// Neighbours, in one row group.
    Range(Range<usize>),
    /// Single ones, ascending.
    List(Vec<u32>),
}

/// Rows of one source that are looked at together.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) source: Source,
    pub(super) row_group: usize,
    /// Numbers of the rows in the source.
    pub(super) rows: Rows,
    /// Smallest and largest time that the rows can have.
    pub(super) times: (i64, i64),
    /// Whether all of the rows are in the time range.
    pub(super) in_time: bool,
    /// What is left of the filter, given what is known of the rows.
    pub(super) filter: Node,
}

impl Unit {
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Rows::Range(rows) => rows.len(),
            Rows::List(rows) => rows.len(),
        }
    }

    /// Some of the unit's rows as a unit.
    pub(super) fn part(&self, rows: Range<usize>) -> Self {
        Self {
            source: self.source.clone(),
            row_group: self.row_group,
            rows: Rows::Range(rows),
            times: self.times,
            in_time: self.in_time,
            filter: self.filter.clone(),
        }
    }

    /// The number in the source of the unit's row at a position.
    pub(super) fn row(&self, at: usize) -> u32 {
        match &self.rows {
            Rows::Range(rows) => u32::try_from(rows.start + at).unwrap_or(u32::MAX),
            Rows::List(rows) => rows.get(at).copied().unwrap_or(u32::MAX),
        }
    }

    /// Columns of all rows of the unit.
    pub(super) fn read(&self, columns: &Columns, meter: &Meter) -> Result<RecordBatch, Error> {
        match &self.rows {
            Rows::Range(rows) => self.source.range(self.row_group, rows, columns, meter),
            Rows::List(rows) => {
                meter.spend(rows.len(), 0)?;
                self.source.rows(rows, columns, meter)
            }
        }
    }
}

/// A live batch as a unit; `None` if it has no row in time.
pub(super) fn of_live(batch: &Arc<RecordBatch>, request: &ScanRequest, filter: &Node) -> Option<Unit> {
    let column = request.table.time_column();
    let times = batch.column_by_name(column).and_then(|array| array.as_primitive_opt::<Int64Type>());
    let times = times.map_or((i64::MIN, i64::MAX), |times| {
        times.values().iter().fold((i64::MAX, i64::MIN), |(min, max), time| (min.min(*time), max.max(*time)))
    });
    if batch.num_rows() == 0 || !request.time.overlaps(times.0, times.1) {
        return None;
    }
    let filter = simplify(filter, &|name| (name == column).then_some(Known::Ints(times.0, times.1)));
    if matches!(filter, Node::Const(false)) {
        return None;
    }
    Some(Unit {
        source: Source::Live(batch.clone()),
        row_group: 0,
        rows: Rows::Range(0..batch.num_rows()),
        times,
        in_time: request.time.covers(times.0, times.1),
        filter,
    })
}

/// What is left of the filter in a segment, by what the catalog knows of it.
pub(super) fn in_file(entry: &FileEntry, time: TimeRange, filter: &Node) -> Node {
    if !time.overlaps(entry.t_min, entry.t_max) {
        return Node::Const(false);
    }
    let time_column = entry.signal.time_column();
    simplify(filter, &|name| match name {
        schema::SERVICE => entry.services.clone().map(Known::Texts),
        _ => (name == time_column).then_some(Known::Ints(entry.t_min, entry.t_max)),
    })
}

/// The units of a segment that may have rows for the scan, in the order of the file.
pub(super) fn of_segment(
    segment: &Arc<OpenSegment>,
    request: &ScanRequest,
    filter: &Node,
    meter: &Meter,
) -> Vec<Unit> {
    let mut units = Vec::new();
    for group in &segment.groups {
        let before = units.len();
        let known = |name: &str| known_of_group(group, request.table, name);
        let filter = simplify(filter, &known);
        if request.time.overlaps(group.times.0, group.times.1) && !matches!(filter, Node::Const(false)) {
            of_group(segment, group, request, &filter, &mut units);
        }
        if units.len() == before {
            meter.row_group_pruned();
        }
    }
    units
}

fn known_of_group(group: &RowGroup, table: Signal, name: &str) -> Option<Known> {
    if name == table.time_column() {
        return Some(Known::Ints(group.times.0, group.times.1));
    }
    match (&group.services, name) {
        (Some((first, last)), schema::SERVICE) => {
            Some(Known::Bytes(first.clone().into_bytes(), last.clone().into_bytes()))
        }
        _ => None,
    }
}

/// The page indexes of a row group that the filter can use, by column.
struct PageIndex {
    columns: Vec<(String, Vec<Page>)>,
}

impl PageIndex {
    fn known(&self, rows: &Range<usize>, name: &str) -> Option<Known> {
        let (_, pages) = self.columns.iter().find(|(column, _)| column == name)?;
        let first = pages.partition_point(|page| page.rows.end <= rows.start);
        let mut known: Option<Known> = None;
        for page in pages.iter().skip(first).take_while(|page| page.rows.start < rows.end) {
            // A page of nulls alone: nothing is known of its values.
            let next = page.bounds.clone()?;
            known = Some(match (known, next) {
                (None, Bounds::Int(min, max)) => Known::Ints(min, max),
                (None, Bounds::Bytes(min, max)) => Known::Bytes(min, max),
                (Some(Known::Ints(a, b)), Bounds::Int(min, max)) => Known::Ints(a.min(min), b.max(max)),
                (Some(Known::Bytes(a, b)), Bounds::Bytes(min, max)) => Known::Bytes(a.min(min), b.max(max)),
                _ => return None,
            });
        }
        known
    }
}

/// Columns that are never null and have page statistics.
fn indexed(table: Signal) -> &'static [&'static str] {
    match table {
        Signal::Traces => &[schema::START_NS, schema::DURATION_NS, schema::SERVICE, schema::NAME],
        Signal::Logs => &[schema::TIME_NS, schema::SEVERITY_NUMBER, schema::SERVICE],
        Signal::Metrics => &[schema::TIME_NS, schema::SERVICE, schema::NAME],
    }
}

fn of_group(
    segment: &Arc<OpenSegment>,
    group: &RowGroup,
    request: &ScanRequest,
    filter: &Node,
    units: &mut Vec<Unit>,
) {
    let time_column = request.table.time_column();
    let mut read = Vec::new();
    filter.for_each_column(&mut |name| read.push(name.to_owned()));
    let used =
        indexed(request.table).iter().filter(|name| **name == time_column || read.iter().any(|r| r == *name));
    let index = PageIndex {
        columns: used
            .filter_map(|name| Some(((*name).to_owned(), segment.reader.pages(group.index, name)?)))
            .collect(),
    };
    let times_of = |rows: &Range<usize>| match index.known(rows, time_column) {
        Some(Known::Ints(min, max)) => (min, max),
        _ => group.times,
    };
    let cuts: Vec<Range<usize>> = match index.columns.iter().find(|(name, _)| name == time_column) {
        Some((_, pages)) => pages.iter().map(|page| page.rows.clone()).collect(),
        None => std::iter::once(0..group.rows).collect(),
    };
    let may_hold = |rows: &Range<usize>| {
        let (min, max) = times_of(rows);
        request.time.overlaps(min, max)
            && !matches!(simplify(filter, &|name| index.known(rows, name)), Node::Const(false))
    };
    let mut open: Option<(Range<usize>, usize)> = None;
    let mut close = |open: &mut Option<(Range<usize>, usize)>| {
        let Some((rows, _)) = open.take() else { return };
        let times = times_of(&rows);
        units.push(Unit {
            source: Source::Segment(segment.clone()),
            row_group: group.index,
            filter: simplify(filter, &|name| index.known(&rows, name)),
            in_time: request.time.covers(times.0, times.1),
            rows: Rows::Range(rows.start + group.first_row..rows.end + group.first_row),
            times,
        });
    };
    for cut in &cuts {
        if !may_hold(cut) {
            close(&mut open);
            continue;
        }
        match &mut open {
            Some((rows, pages)) if *pages < PAGES_MAX => {
                rows.end = cut.end;
                *pages += 1;
            }
            _ => {
                close(&mut open);
                open = Some((cut.clone(), 1));
            }
        }
    }
    close(&mut open);
}
