//! Reading a segment: which row groups and pages can hold what is asked for, and the rows themselves.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use throughline_model::{TraceId, schema};

use crate::catalog::FileEntry;
use crate::error::Error;
use crate::segment::file::SegmentFile;
use crate::segment::footer::Footer;
use crate::segment::page_checksums::CheckedFile;
use crate::segment::segments::Segments;
use crate::segment::sidecar::TraceRow;
use crate::segment::{bloom, dictionary, lookup, pages};

/// Rows of a batch, unless asked otherwise.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// A segment opened for reading. Cheap to open: its footer is cached.
#[derive(Debug, Clone)]
pub struct SegmentReader {
    pub(crate) entry: Arc<FileEntry>,
    pub(crate) footer: Arc<Footer>,
    pub(crate) file: SegmentFile,
    pub(crate) segments: Arc<Segments>,
}

/// A row group and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroup {
    /// Its number.
    pub index: usize,
    /// Number of its first row in the segment.
    pub first_row: usize,
    /// Its rows.
    pub rows: usize,
    /// Its compressed bytes.
    pub bytes: u64,
    /// Smallest and largest time.
    pub times: (i64, i64),
    /// First and last service by name; rows are sorted by service.
    pub services: Option<(String, String)>,
}

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct ReadPlan {
    /// Row groups, ascending.
    pub row_groups: Vec<usize>,
    /// Rows among those of `row_groups` put one after the other; all if absent.
    pub selection: Option<RowSelection>,
    /// Columns by name, in the wanted order; those the segment lacks are left out. All if absent.
    pub columns: Option<Vec<String>>,
    /// Most rows of a batch; 8,192 if absent.
    pub batch_rows: Option<usize>,
}

impl SegmentReader {
    /// What the catalog knows of it.
    #[must_use]
    pub fn entry(&self) -> &Arc<FileEntry> {
        &self.entry
    }

    /// The Parquet metadata, page indexes included.
    #[must_use]
    pub fn metadata(&self) -> &Arc<ParquetMetaData> {
        self.footer.metadata()
    }

    /// Its columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.footer.reader.schema()
    }

    /// Its row groups in order.
    #[must_use]
    pub fn row_groups(&self) -> Vec<RowGroup> {
        let time = self.leaf(self.entry.signal.time_column());
        let service = self.leaf(schema::SERVICE);
        let mut first_row = 0;
        let groups = self.metadata().row_groups().iter().enumerate();
        groups
            .map(|(index, group)| {
                let statistics =
                    |leaf: Option<usize>| leaf.and_then(|leaf| group.columns().get(leaf)?.statistics());
                let rows = usize::try_from(group.num_rows()).unwrap_or_default();
                let bytes = u64::try_from(group.compressed_size()).unwrap_or_default();
                let found = RowGroup {
                    index,
                    first_row,
                    rows,
                    bytes,
                    times: int_bounds(statistics(time)).unwrap_or((self.entry.t_min, self.entry.t_max)),
                    services: text_bounds(statistics(service)),
                };
                first_row += rows;
                found
            })
            .collect()
    }

    fn row_count(&self, row_groups: &[usize]) -> usize {
        let groups = row_groups.iter().filter_map(|index| self.metadata().row_groups().get(*index));
        groups.map(|group| usize::try_from(group.num_rows()).unwrap_or_default()).sum()
    }

    /// Whether a column has no value at all in a row group. `None` if that is not known.
    #[must_use]
    pub fn is_empty(&self, row_group: usize, column: &str) -> Option<bool> {
        let group = self.metadata().row_groups().get(row_group)?;
        let leaves = self.footer.leaves(column);
        if leaves.is_empty() {
            return Some(true);
        }
        let rows = u64::try_from(group.num_rows()).ok()?;
        let nulls = |leaf: usize| group.columns().get(leaf)?.statistics()?.null_count_opt();
        leaves
            .map(|leaf| nulls(leaf).map(|nulls| nulls >= rows))
            .try_fold(true, |all, empty| Some(all && empty?))
    }

    /// How many values a flat column has; those of a column whose nulls were not counted are taken to be complete.
    #[must_use]
    pub fn value_count(&self, column: &str) -> u64 {
        let Some(leaf) = self.leaf(column) else { return 0 };
        let groups = self.metadata().row_groups().iter();
        let values = groups.map(|group| {
            let rows = u64::try_from(group.num_rows()).unwrap_or_default();
            let nulls = group.columns().get(leaf).and_then(|chunk| chunk.statistics()?.null_count_opt());
            rows.saturating_sub(nulls.unwrap_or_default())
        });
        values.sum()
    }

    /// The rows of a plan.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for a damaged file, which has been set aside by then.
    pub fn read(&self, plan: &ReadPlan) -> Result<SegmentBatches, Error> {
        let schema = self.schema();
        let wanted: Vec<usize> = match &plan.columns {
            None => (0..schema.fields().len()).collect(),
            Some(names) => names.iter().filter_map(|name| schema.index_of(name).ok()).collect(),
        };
        let empty = |column: &usize| {
            let name = schema.field(*column).name();
            plan.row_groups.iter().all(|group| self.is_empty(*group, name) == Some(true))
        };
        let stored: Vec<usize> = wanted.iter().copied().filter(|column| !empty(column)).collect();
        let mask = ProjectionMask::roots(self.footer.reader.parquet_schema(), stored.iter().copied());
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.checked(), self.footer.reader.clone())
                .with_row_groups(plan.row_groups.clone())
                .with_projection(mask)
                .with_batch_size(plan.batch_rows.unwrap_or(BATCH_ROWS));
        if let Some(selection) = &plan.selection {
            builder = builder.with_row_selection(selection.clone());
        }
        let reader = builder.build().map_err(|error| self.damaged(&error))?;
        let fields: Vec<_> = wanted.iter().map(|column| Arc::new(schema.field(*column).clone())).collect();
        let rows_left = match &plan.selection {
            Some(selection) => selection.row_count(),
            None => self.row_count(&plan.row_groups),
        };
        Ok(SegmentBatches { reader, schema: Arc::new(Schema::new(fields)), segment: self.clone(), rows_left })
    }

    /// The rows of pages whose minimum and maximum of `column` pass `keep`, as positions in the row group; `None` if the column
    /// has no page index there.
    #[must_use]
    pub fn pages(&self, row_group: usize, column: &str) -> Option<Vec<pages::Page>> {
        pages::of(self, row_group, column)
    }

    /// The row groups that may hold spans or log records of a trace, by their bloom filters.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn row_groups_of_trace(&self, trace_id: TraceId) -> Result<Vec<usize>, Error> {
        bloom::row_groups(self, trace_id)
    }

    /// Whether there is a trace sidecar to look traces up in.
    #[must_use]
    pub fn has_sidecar(&self) -> bool {
        self.entry.sidecar_bytes > 0
    }

    /// What the segment holds of these traces, in the order of their ids. `None` if it has no (readable) sidecar: fall back on
    /// [`Self::row_groups_of_trace`].
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn traces(&self, ids: &[TraceId]) -> Result<Option<Vec<TraceRow>>, Error> {
        lookup::traces(self, ids)
    }

    /// The plan that reads these rows of the segment (ascending), and nothing else.
    #[must_use]
    pub fn plan_rows(&self, rows: &[u32], columns: Option<Vec<String>>) -> ReadPlan {
        pages::plan_rows(&self.row_groups(), rows, columns)
    }

    /// The distinct values of a column in these row groups.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] for a damaged file.
    pub fn distinct(
        &self,
        row_groups: &[usize],
        column: &str,
    ) -> Result<Option<dictionary::Distinct>, Error> {
        dictionary::distinct(self, row_groups, column)
    }

    /// The leaf column of a flat column.
    pub(crate) fn leaf(&self, column: &str) -> Option<usize> {
        let leaves = self.footer.leaves(column);
        (leaves.len() == 1).then_some(leaves.start)
    }

    /// The file's pages, verified as they are read.
    pub(crate) fn checked(&self) -> CheckedFile {
        CheckedFile { file: self.file.clone(), footer: Arc::clone(&self.footer) }
    }

    /// Sets the segment aside, as its bytes are damaged, and says so.
    pub(crate) fn damaged(&self, error: &ParquetError) -> Error {
        self.segments.damaged(&self.entry, error)
    }
}

fn int_bounds(statistics: Option<&Statistics>) -> Option<(i64, i64)> {
    match statistics? {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

fn text_bounds(statistics: Option<&Statistics>) -> Option<(String, String)> {
    let Statistics::ByteArray(values) = statistics? else { return None };
    // A truncated maximum would be a wrong upper bound of the name itself, though a right one of its order.
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some((text(values.min_opt()?.data())?, text(values.max_opt()?.data())?))
}

/// The rows of a plan, batch by batch.
pub struct SegmentBatches {
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    segment: SegmentReader,
    rows_left: usize,
}

impl SegmentBatches {
    /// The columns of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Puts the columns in the wanted order and fills in those that were known to be empty.
    fn arrange(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let column = |field: &Arc<arrow::datatypes::Field>| match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        let columns = self.schema.fields().iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

impl std::fmt::Debug for SegmentBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentBatches").field("segment", &self.segment.entry.id).finish_non_exhaustive()
    }
}

impl Iterator for SegmentBatches {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // Checksums do not tell a file that was written wrongly: its columns differ in their number of rows.
        let miscounted =
            || ParquetError::General("a column has another number of rows than its segment".to_owned());
        match self.reader.next() {
            Some(Ok(batch)) => match self.rows_left.checked_sub(batch.num_rows()) {
                Some(left) => {
                    self.rows_left = left;
                    Some(self.arrange(&batch))
                }
                None => Some(Err(self.segment.damaged(&miscounted()))),
            },
            Some(Err(error)) => {
                self.rows_left = 0;
                Some(Err(self.segment.damaged(&ParquetError::ArrowError(error.to_string()))))
            }
            None if std::mem::take(&mut self.rows_left) > 0 => Some(Err(self.segment.damaged(&miscounted()))),
            None => None,
        }
    }
}
