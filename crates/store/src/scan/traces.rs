//! All rows of given traces: live ones by comparing ids, stored ones through the sidecars.

use super::meter::Meter;
use super::request::{Columns, TimeRange};
use super::source::{OpenSegment, Source, project};
use super::trace_ids;
use crate::Error;
use crate::segment::{Segments, TraceRow};
use crate::store::View;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema};
use hashbrown::HashSet;
use std::sync::Arc;
use throughline_model::{Signal, Tenant, TraceId, schema};

/// Most traces asked for at once.
pub(super) const TRACES_MAX: usize = 1_000;

/// A set of trace ids that is quick to say no.
#[derive(Debug)]
pub(super) struct IdSet {
    ids: HashSet<[u8; 16], ahash::RandomState>,
    /// One bit for each value that the last 12 bits of a wanted id have.
    last_bits: Box<[u64; 64]>,
}

impl IdSet {
    pub(super) fn new(ids: &[TraceId]) -> Self {
        let mut set = Self { ids: HashSet::default(), last_bits: Box::new([0; 64]) };
        for id in ids {
            let (word, bit) = place(&id.0);
            set.last_bits[word] |= 1 << bit;
            set.ids.insert(id.0);
        }
        set
    }

    pub(super) fn contains(&self, id: &[u8; 16]) -> bool {
        let (word, bit) = place(id);
        self.last_bits[word] >> bit & 1 == 1 && self.ids.contains(id)
    }

    /// The rows of a batch that are of these traces.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Vec<u32> {
        let Some(ids) =
            batch.column_by_name(schema::TRACE_ID).and_then(|array| array.as_fixed_size_binary_opt())
        else {
            return Vec::new();
        };
        let (all, _) = ids.value_data().as_chunks::<16>();
        let hits = all.iter().enumerate().filter(|(_, id)| self.contains(id));
        let rows = hits.map(|(row, _)| row).filter(|row| ids.is_valid(*row));
        rows.filter_map(|row| u32::try_from(row).ok()).collect()
    }
}

fn place(id: &[u8; 16]) -> (usize, u32) {
    (usize::from(id[14] & 63), u32::from(id[15] & 63))
}

/// What to look up.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) tenant: Tenant,
    pub(super) ids: Vec<TraceId>,
    pub(super) hint: Option<TimeRange>,
    pub(super) view: View,
    pub(super) segments: Arc<Segments>,
}

impl Lookup {
    /// Checks how much is asked.
    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.ids.len() > TRACES_MAX {
            return Err(Error::invalid(format!("{} traces are more than {TRACES_MAX}", self.ids.len())));
        }
        Ok(())
    }

    /// The segments that may have spans of the traces, newest first.
    pub(super) fn open_segments(&self, meter: &Meter) -> Result<Vec<Arc<OpenSegment>>, Error> {
        let mut open = Vec::new();
        for file in self.view.segments.table(Signal::Traces, &self.tenant) {
            let pruned = self.hint.is_some_and(|hint| !hint.overlaps(file.t_min, file.t_max));
            meter.segment(pruned);
            if !pruned && let Some(reader) = meter.leave_out(self.segments.open(file))? {
                open.push(Arc::new(OpenSegment::new(reader)));
            }
        }
        Ok(open)
    }

    /// All rows of the traces, each span once.
    pub(super) fn traces(&self, columns: &Columns, meter: &Meter) -> Result<Vec<RecordBatch>, Error> {
        self.validate()?;
        let set = IdSet::new(&self.ids);
        let mut wanted = columns.clone();
        wanted.add_column(schema::TRACE_ID);
        wanted.add_column(schema::SPAN_ID);
        let mut seen = HashSet::default();
        let mut answer = Vec::new();
        let mut add = |batch: RecordBatch| -> Result<(), Error> {
            let first = first_seen(&batch, &set, &mut seen);
            if first.count_set_bits() > 0 {
                let rows = filter_record_batch(&batch, &BooleanArray::new(first, None))?;
                answer.push(project(&rows, columns)?);
            }
            Ok(())
        };
        for batch in &self.view.batches {
            let rows = set.rows(batch);
            meter.spend(batch.num_rows(), batch.num_rows() as u64 * 16)?;
            if !rows.is_empty() {
                add(Source::Live(batch.clone()).rows(&rows, &wanted, meter)?)?;
            }
        }
        for segment in self.open_segments(meter)? {
            if let Some(batch) = meter.leave_out(self.stored(&segment, &wanted, meter))?.flatten() {
                add(batch)?;
            }
        }
        Ok(answer)
    }

    /// What a segment has of the traces.
    pub(super) fn stored(
        &self,
        segment: &Arc<OpenSegment>,
        columns: &Columns,
        meter: &Meter,
    ) -> Result<Option<RecordBatch>, Error> {
        match segment.reader.traces(&self.ids)? {
            Some(traces) => by_sidecar(segment, traces, columns, meter),
            None => self.by_ids(segment, columns, meter),
        }
    }

    /// Without a sidecar: the ids of the row groups that may have the traces say which rows to read.
    fn by_ids(
        &self,
        segment: &Arc<OpenSegment>,
        columns: &Columns,
        meter: &Meter,
    ) -> Result<Option<RecordBatch>, Error> {
        let set = IdSet::new(&self.ids);
        let source = Source::Segment(segment.clone());
        let mut found: Vec<u32> = Vec::new();
        for group in trace_ids::groups(segment, &self.ids)? {
            let group = segment.group(group)?;
            let range = group.first_row..group.first_row + group.rows;
            let ids = source.range(group.index, &range, &Columns::named(&[schema::TRACE_ID]), meter)?;
            let first = u32::try_from(group.first_row).unwrap_or(u32::MAX);
            found.extend(set.rows(&ids).into_iter().map(|row| first.saturating_add(row)));
        }
        if found.is_empty() { Ok(None) } else { source.rows(&found, columns, meter).map(Some) }
    }
}

/// The rows that a sidecar names. It also knows their trace ids, which saves reading the largest column.
fn by_sidecar(
    segment: &Arc<OpenSegment>,
    traces: Vec<TraceRow>,
    columns: &Columns,
    meter: &Meter,
) -> Result<Option<RecordBatch>, Error> {
    let of_trace = |trace: TraceRow| trace.rows.into_iter().map(move |row| (row, trace.trace_id));
    let mut rows: Vec<(u32, TraceId)> = traces.into_iter().flat_map(of_trace).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    rows.sort_unstable();
    let numbers: Vec<u32> = rows.iter().map(|(row, _)| *row).collect();
    let mut names = match columns {
        Columns::All => segment.reader.schema().fields().iter().map(|field| field.name().clone()).collect(),
        Columns::Named(names) => names.clone(),
    };
    names.retain(|name| name != schema::TRACE_ID);
    meter.spend(rows.len(), 0)?;
    let batch = Source::Segment(segment.clone()).rows(&numbers, &Columns::Named(names), meter)?;
    let ids = FixedSizeBinaryArray::try_from_iter(rows.iter().map(|(_, id)| id.0))?;
    let mut fields = vec![Arc::new(Field::new(schema::TRACE_ID, schema::TRACE_ID_TYPE, false))];
    fields.extend(batch.schema_ref().fields().iter().cloned());
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(ids)];
    arrays.extend(batch.columns().iter().cloned());
    Ok(Some(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?))
}

/// The rows of wanted traces whose span was not seen before.
fn first_seen(
    batch: &RecordBatch,
    set: &IdSet,
    seen: &mut HashSet<([u8; 16], [u8; 8]), ahash::RandomState>,
) -> BooleanBuffer {
    let column = |name| batch.column_by_name(name).and_then(|array| array.as_fixed_size_binary_opt());
    let (Some(traces), Some(spans)) = (column(schema::TRACE_ID), column(schema::SPAN_ID)) else {
        return BooleanBuffer::new_unset(batch.num_rows());
    };
    BooleanBuffer::collect_bool(batch.num_rows(), |row| {
        let trace: [u8; 16] = traces.value(row).try_into().unwrap_or_default();
        set.contains(&trace) && seen.insert((trace, spans.value(row).try_into().unwrap_or_default()))
    })
}
