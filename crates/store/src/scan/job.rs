//! One scan as work for a thread: what is asked, where the rows are, what may be spent.

use super::meter::Meter;
use super::predicate::{Node, Predicate};
use super::request::{Order, ScanRequest};
use super::source::{OpenSegment, Source};
use super::trace_ids::Places;
use super::units::{Rows, Unit, in_file, of_segment};
use super::{newest, trace_ids, unordered};
use crate::Error;
use crate::catalog::FileEntry;
use crate::segment::Segments;
use crate::store::View;
use arrow::array::RecordBatch;
use std::sync::Arc;

/// Where a scan's batches go.
pub(super) type Send<'a> = dyn FnMut(RecordBatch) -> Result<(), Error> + 'a;

/// A scan ready to run.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request: ScanRequest,
    pub(super) predicate: Predicate,
    pub(super) live: Vec<Arc<RecordBatch>>,
    /// The segments that may have rows, newest first.
    pub(super) files: Vec<Arc<FileEntry>>,
    pub(super) segments: Arc<Segments>,
    pub(super) meter: Arc<Meter>,
}

impl Job {
    pub(super) fn new(
        request: ScanRequest,
        view: View,
        segments: Arc<Segments>,
        meter: Arc<Meter>,
    ) -> Result<Self, Error> {
        request.validate()?;
        let predicate = Predicate::new(&request.filter)?;
        let time = request.time;
        let mut files = Vec::new();
        for file in view.segments.table(request.table, &request.tenant) {
            if !time.overlaps(file.t_min, file.t_max) {
                continue;
            }
            let pruned = matches!(in_file(file, time, &predicate.root), Node::Const(false));
            meter.segment(pruned);
            if !pruned {
                files.push(file.clone());
            }
        }
        let live = if predicate.is_none() { Vec::new() } else { view.batches };
        Ok(Self { request, predicate, live, files, segments, meter })
    }

    /// Runs to the end, the limit, an error, or until nobody listens.
    pub(super) fn run(&self, send: &mut Send<'_>) -> Result<(), Error> {
        match self.request.order {
            Order::NewestFirst => newest::run(self, send),
            Order::Unordered => unordered::run(self, send),
        }
    }

    /// Opens a segment, with what is left of the filter in it; `None` for one found damaged.
    pub(super) fn open(&self, file: &Arc<FileEntry>) -> Result<Option<(Arc<OpenSegment>, Node)>, Error> {
        self.meter.check()?;
        let Some(reader) = self.meter.leave_out(self.segments.open(file))? else { return Ok(None) };
        let filter = in_file(file, self.request.time, &self.predicate.root);
        Ok(Some((Arc::new(OpenSegment::new(reader)), filter)))
    }

    /// The units of a segment; of few traces, where the filter names them, only their rows.
    pub(super) fn units(&self, segment: &Arc<OpenSegment>, filter: &Node) -> Result<Vec<Unit>, Error> {
        let all = || of_segment(segment, &self.request, filter, &self.meter);
        let Some(ids) = trace_ids::required(filter) else { return Ok(all()) };
        match trace_ids::places(segment, &ids)? {
            Places::Rows(rows) if rows.is_empty() => Ok(Vec::new()),
            Places::Rows(rows) => {
                let entry = segment.reader.entry();
                Ok(vec![Unit {
                    source: Source::Segment(segment.clone()),
                    row_group: 0,
                    rows: Rows::List(rows),
                    times: (entry.t_min, entry.t_max),
                    in_time: self.request.time.covers(entry.t_min, entry.t_max),
                    filter: filter.clone(),
                }])
            }
            Places::Groups(groups) => {
                let mut units = all();
                units.retain(|unit| groups.binary_search(&unit.row_group).is_ok());
                Ok(units)
            }
        }
    }
}
