//! Where rows are: a live batch, or a segment. Both give columns of a range of rows, and single rows.

use super::meter::Meter;
use super::request::Columns;
use crate::Error;
use crate::segment::{ReadPlan, RowGroup, SegmentReader, selection};
use arrow::array::{Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::Schema;
use std::ops::Range;
use std::sync::Arc;

/// A live batch or an open segment.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Live(Arc<RecordBatch>),
    Segment(Arc<OpenSegment>),
}

/// A segment and its row groups.
#[derive(Debug)]
pub(super) struct OpenSegment {
    pub(super) reader: SegmentReader,
    pub(super) groups: Vec<RowGroup>,
}

impl Source {
    /// The columns of a range of rows, which lies in one row group.
    pub(super) fn range(
        &self,
        row_group: usize,
        rows: &Range<usize>,
        columns: &Columns,
        meter: &Meter,
    ) -> Result<RecordBatch, Error> {
        match self {
            Self::Live(batch) => {
                let batch = project(batch, columns)?;
                meter.spend(rows.len(), live_bytes(&batch))?;
                Ok(batch.slice(rows.start, rows.len()))
            }
            Self::Segment(segment) => {
                let group = segment.group(row_group)?;
                meter.spend(rows.len(), segment.bytes(row_group, columns, rows.len()))?;
                let inner = rows.start - group.first_row..rows.end - group.first_row;
                let plan = ReadPlan {
                    row_groups: vec![row_group],
                    selection: (inner.len() < group.rows).then(|| selection([inner], group.rows)),
                    columns: names(columns),
                    batch_rows: Some(rows.len()),
                };
                segment.read(&plan)
            }
        }
    }

    /// The columns of single rows, ascending.
    pub(super) fn rows(&self, rows: &[u32], columns: &Columns, meter: &Meter) -> Result<RecordBatch, Error> {
        match self {
            Self::Live(batch) => {
                meter.check()?;
                let batch = project(batch, columns)?;
                if rows.len() == batch.num_rows() {
                    return Ok(batch);
                }
                Ok(take_record_batch(&batch, &UInt32Array::from(rows.to_vec()))?)
            }
            Self::Segment(segment) => {
                meter.spend(0, segment.bytes_of_rows(rows, columns))?;
                let mut plan = segment.reader.plan_rows(rows, names(columns));
                plan.batch_rows = Some(rows.len().max(1));
                segment.read(&plan)
            }
        }
    }

    /// Whether the source has a column of this name.
    pub(super) fn has_column(&self, name: &str) -> bool {
        match self {
            Self::Live(batch) => batch.schema_ref().index_of(name).is_ok(),
            Self::Segment(segment) => segment.reader.schema().index_of(name).is_ok(),
        }
    }
}

impl OpenSegment {
    pub(super) fn new(reader: SegmentReader) -> Self {
        let groups = reader.row_groups();
        Self { reader, groups }
    }

    pub(super) fn group(&self, index: usize) -> Result<&RowGroup, Error> {
        self.groups
            .get(index)
            .ok_or_else(|| Error::internal("a scan asked for a row group that is not there"))
    }

    fn read(&self, plan: &ReadPlan) -> Result<RecordBatch, Error> {
        let batches = self.reader.read(plan)?;
        let schema = batches.schema().clone();
        let mut batches = batches.collect::<Result<Vec<_>, Error>>()?;
        match (batches.len(), batches.pop()) {
            (1, Some(only)) => Ok(only),
            (_, Some(last)) => {
                batches.push(last);
                Ok(concat_batches(&schema, &batches)?)
            }
            (_, None) => Ok(RecordBatch::new_empty(schema)),
        }
    }

    /// What reading so many rows of a row group costs, about: stored bytes of the columns, in proportion.
    pub(super) fn bytes(&self, row_group: usize, columns: &Columns, rows: usize) -> u64 {
        let Some(group) = self.reader.metadata().row_groups().get(row_group) else { return 0 };
        let all = u64::try_from(group.num_rows()).unwrap_or_default().max(1);
        let stored: u64 = group
            .columns()
            .iter()
            .filter(|chunk| chunk.column_path().parts().first().is_some_and(|root| columns.contains(root)))
            .map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or_default())
            .sum();
        stored.saturating_mul(rows as u64) / all
    }

    /// Single rows cost the pages they are in.
    fn bytes_of_rows(&self, rows: &[u32], columns: &Columns) -> u64 {
        let mut bytes = 0;
        for group in &self.groups {
            let mut pages = 0;
            let mut last = usize::MAX;
            let start = rows.partition_point(|row| (*row as usize) < group.first_row);
            let end = rows.partition_point(|row| (*row as usize) < group.first_row + group.rows);
            for row in rows.get(start..end).unwrap_or_default() {
                let page = (*row as usize - group.first_row) / PAGE_ROWS;
                pages += usize::from(page != last);
                last = page;
            }
            if pages > 0 {
                bytes += self.bytes(group.index, columns, (pages * PAGE_ROWS).min(group.rows));
            }
        }
        bytes
    }
}

/// About how many rows a page has.
const PAGE_ROWS: usize = 8_192;

fn names(columns: &Columns) -> Option<Vec<String>> {
    match columns {
        Columns::All => None,
        Columns::Named(names) => Some(names.clone()),
    }
}

/// The wanted columns of a batch, where it has them.
pub(super) fn project(batch: &RecordBatch, columns: &Columns) -> Result<RecordBatch, Error> {
    let Columns::Named(names) = columns else { return Ok(batch.clone()) };
    let found: Vec<usize> = names.iter().filter_map(|name| batch.schema_ref().index_of(name).ok()).collect();
    let fields: Vec<_> = found.iter().map(|at| batch.schema_ref().fields()[*at].clone()).collect();
    let arrays = found.iter().map(|at| batch.column(*at).clone()).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

fn live_bytes(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(|column| column.get_array_memory_size() as u64).sum()
}
