//! The merge of several segments into one, in segment order and in one pass.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use hashbrown::HashSet;
use throughline_model::{Signal, schema};

use crate::compaction::layout::Layout;
use crate::compaction::plan::Job;
use crate::compaction::source::Source;
use crate::error::Error;
use crate::segment::sidecar_builder::SidecarBuilder;
use crate::segment::trace_groups::{id_column, id8, id16};
use crate::segment::write::NewSegment;
use crate::segment::{ReadPlan, SegmentReader, Segments, Target, Written};

/// Rows of a gathered batch.
const OUTPUT_ROWS: usize = 8_192;
/// Rows in memory for all inputs together, beside those of the pages they come from.
const INPUT_ROWS: usize = 131_072;

/// Writes the rows of a job's inputs as one segment.
pub(super) fn merge(segments: &Arc<Segments>, job: &Job) -> Result<Written, Error> {
    let inputs: Vec<SegmentReader> =
        job.inputs.iter().map(|input| segments.open(input)).collect::<Result<_, _>>()?;
    let entries = || job.inputs.iter();
    let target = Target {
        data_dir: segments.data_dir().to_owned(),
        id: segments.catalog().next_id(),
        signal: job.signal,
        tenant: job.tenant.clone(),
        level: 1,
        wal_position: entries().map(|input| input.wal_position).max().unwrap_or_default(),
        // The newest input's, so that the result stays in the partition and is not younger than its rows.
        created_ns: entries().map(|input| input.created_ns).max().unwrap_or_default(),
        replaces: entries().map(|input| input.id).collect(),
    };
    let times = (
        entries().map(|input| input.t_min).min().unwrap_or_default(),
        entries().map(|input| input.t_max).max().unwrap_or_default(),
    );
    let mut merge = Merge::new(&inputs, job.signal)?;
    let Some(first) = merge.next()? else { return Err(Error::internal("segments to compact have no rows")) };
    let mut sidecar = (job.signal == Signal::Traces).then(SidecarBuilder::default);
    let mut file = NewSegment::create(&target, times, &first)?;
    let mut batch = Some(first);
    while let Some(rows) = batch {
        if let Some(sidecar) = &mut sidecar {
            sidecar.add(&rows)?;
        }
        file.append(&rows)?;
        batch = merge.next()?;
    }
    let sidecar = sidecar.map(SidecarBuilder::finish).transpose()?;
    let entry = file.finish(sidecar.as_ref())?;
    Ok(Written { entry, duplicates: merge.seen.duplicates })
}

/// The merge under way.
struct Merge {
    layout: Layout,
    sources: Vec<Source>,
    seen: Seen,
    /// Batches the next output is gathered from.
    batches: Vec<RecordBatch>,
    /// `(batch, row)` of the next output.
    picked: Vec<(usize, usize)>,
}

impl Merge {
    fn new(inputs: &[SegmentReader], signal: Signal) -> Result<Self, Error> {
        let layout = Layout::of(signal, inputs);
        let batch_rows = (INPUT_ROWS / inputs.len().max(1)).clamp(256, OUTPUT_ROWS);
        let mut sources = Vec::with_capacity(inputs.len());
        for input in inputs {
            let row_groups = (0..input.metadata().num_row_groups()).collect();
            let plan = ReadPlan { row_groups, batch_rows: Some(batch_rows), ..ReadPlan::default() };
            sources.extend(Source::new(signal, input.read(&plan)?, &layout)?);
        }
        let seen = Seen { enabled: signal == Signal::Traces, ..Seen::default() };
        Ok(Self { layout, sources, seen, batches: Vec::new(), picked: Vec::with_capacity(OUTPUT_ROWS) })
    }

    /// The next rows, or `None` at the end.
    fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        // Bounded also by batches: inputs that give few rows each must not pile up.
        let batches_max = self.sources.len() * 3 + 2;
        while self.picked.len() < OUTPUT_ROWS && self.batches.len() < batches_max {
            let Some((first, second)) = self.two_smallest() else { break };
            self.pick_run(first, second)?;
        }
        if self.picked.is_empty() {
            return Ok(None);
        }
        let batch = gather(&self.batches, &self.picked)?;
        self.batches.clear();
        self.picked.clear();
        for source in &mut self.sources {
            source.slot = usize::MAX;
        }
        Ok(Some(batch))
    }

    /// The input that stands at the smallest row, and the one at the next; among equals the older input first.
    fn two_smallest(&self) -> Option<(usize, Option<usize>)> {
        let mut best: Option<(usize, &Source)> = None;
        let mut second: Option<(usize, &Source)> = None;
        for (index, source) in self.sources.iter().enumerate() {
            if best.is_none_or(|(_, best)| source.cmp(best) == Ordering::Less) {
                second = best.replace((index, source));
            } else if second.is_none_or(|(_, second)| source.cmp(second) == Ordering::Less) {
                second = Some((index, source));
            }
        }
        best.map(|(best, _)| (best, second.map(|(second, _)| second)))
    }

    /// Takes rows from `first` as long as they come before the row `second` stands at.
    fn pick_run(&mut self, first: usize, second: Option<usize>) -> Result<(), Error> {
        // Among equals the older input goes first: it takes them along, a younger one stops before them.
        let takes_equals = second.is_none_or(|second| first < second);
        let (source, limit) = match second.map(|second| self.sources.get_disjoint_mut([first, second])) {
            Some(Ok([source, limit])) => (Some(source), Some(limit)),
            _ => (self.sources.get_mut(first), None),
        };
        let Some(source) = source else { return Ok(()) };
        let goes = |source: &Source| match limit.as_deref().map(|limit| source.cmp(limit)) {
            Some(Ordering::Greater) => false,
            Some(Ordering::Equal) => takes_equals,
            _ => true,
        };
        while source.has_row() && self.picked.len() < OUTPUT_ROWS && goes(source) {
            if self.seen.is_new(source)? {
                if source.slot == usize::MAX {
                    source.slot = self.batches.len();
                    self.batches.push(source.batch.clone());
                }
                self.picked.push((source.slot, source.row));
            }
            source.row += 1;
        }
        if !source.has_row() && !source.next_batch(&self.layout)? {
            self.sources.remove(first);
        }
        Ok(())
    }
}

/// The rows picked from the batches.
fn gather(batches: &[RecordBatch], picked: &[(usize, usize)]) -> Result<RecordBatch, Error> {
    if let ([only], Some((_, first))) = (batches, picked.first())
        && picked.iter().zip(*first..).all(|((_, row), expected)| *row == expected)
    {
        return Ok(only.slice(*first, picked.len()));
    }
    Ok(interleave_record_batch(&batches.iter().collect::<Vec<_>>(), picked)?)
}

/// Spans already taken among those that start at one moment: a span that was sent twice comes back with the same start.
#[derive(Debug, Default)]
struct Seen {
    enabled: bool,
    time: Option<i64>,
    spans: HashSet<(u128, u64), ahash::RandomState>,
    duplicates: u64,
}

impl Seen {
    fn is_new(&mut self, source: &Source) -> Result<bool, Error> {
        if !self.enabled {
            return Ok(true);
        }
        let time = source.time();
        if self.time != Some(time) {
            self.time = Some(time);
            self.spans.clear();
        }
        let trace = id16(id_column(&source.batch, schema::TRACE_ID)?, source.row);
        let span = id8(id_column(&source.batch, schema::SPAN_ID)?, source.row);
        let new = self.spans.insert((trace, span));
        self.duplicates += u64::from(!new);
        Ok(new)
    }
}
