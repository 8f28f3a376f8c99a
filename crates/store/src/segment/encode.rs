//! Writing one Parquet file: row groups cut to size, a checksum in every page, null counts for every flat column, and a
//! checksum over everything that follows the last row group (bloom filters, page indexes, footer).

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::basic::Type;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;

use crate::segment::chunk::{Chunk, ChunkWriter};
use crate::segment::page_checksums;
use crate::segment::page_collector::{PageCollector, Pages};
use crate::segment::properties::ROW_GROUP_ROWS;

/// A Parquet file that is being written.
pub(crate) struct ParquetSink<W: Write + Send> {
    writer: SerializedFileWriter<TailChecksum<W>>,
    factory: ArrowRowGroupWriterFactory,
    pages: Arc<PageCollector>,
    schema: SchemaRef,
    open: Option<OpenGroup>,
    groups: usize,
    chunks: ChunkWriter,
    /// CRC-32C of every page so far, in file order.
    page_crcs: Vec<u32>,
}

/// What a finished file is.
#[derive(Debug)]
pub(crate) struct Encoded<W> {
    /// The writer, everything written to it.
    pub(crate) inner: W,
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Where the part after the last row group starts.
    pub(crate) tail_offset: u64,
    /// CRC-32C of that part.
    pub(crate) tail_crc: u32,
}

struct OpenGroup {
    columns: Vec<ArrowColumnWriter>,
    pages: Vec<Pages>,
    nulls: Vec<usize>,
    rows: usize,
}

impl<W: Write + Send> ParquetSink<W> {
    pub(crate) fn new(inner: W, schema: SchemaRef, properties: WriterProperties) -> Result<Self> {
        let pages = Arc::new(PageCollector::default());
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_page_store_factory(Arc::clone(&pages) as _);
        let inner = TailChecksum { inner, bytes: 0, tail: None };
        let (writer, factory) = ArrowWriter::try_new_with_options(inner, Arc::clone(&schema), options)?
            .into_serialized_writer()?;
        let chunks = ChunkWriter::new()?;
        Ok(Self { writer, factory, pages, schema, open: None, groups: 0, chunks, page_crcs: Vec::new() })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut offset = 0;
        while offset < batch.num_rows() {
            let mut group = match self.open.take() {
                Some(group) => group,
                None => self.open_group()?,
            };
            let take = (ROW_GROUP_ROWS - group.rows).min(batch.num_rows() - offset);
            group.write(&self.schema, &batch.slice(offset, take))?;
            offset += take;
            if group.rows >= ROW_GROUP_ROWS {
                self.close_group(group)?;
            } else {
                self.open = Some(group);
            }
        }
        Ok(())
    }

    fn open_group(&mut self) -> Result<OpenGroup> {
        let columns = self.factory.create_column_writers(self.groups)?;
        self.groups += 1;
        Ok(OpenGroup {
            columns,
            pages: self.pages.take(),
            nulls: vec![0; self.schema.fields().len()],
            rows: 0,
        })
    }

    fn close_group(&mut self, group: OpenGroup) -> Result<()> {
        let mut writer = self.writer.next_row_group()?;
        let leaves = self.schema.fields().iter().zip(&group.nulls).flat_map(|(field, nulls)| {
            let known =
                if field.data_type().is_nested() && *nulls < group.rows { None } else { Some(*nulls as u64) };
            std::iter::repeat_n(known, leaf_count(field.data_type()))
        });
        for ((column, pages), nulls) in group.columns.into_iter().zip(&group.pages).zip(leaves) {
            let chunk = column.close()?;
            let Chunk { bytes, mut close, page_crcs } =
                self.chunks.complete(pages.take_all(), chunk.close().clone())?;
            self.page_crcs.extend(page_crcs);
            if let Some(nulls) = nulls {
                close = with_null_count(close, nulls)?;
            }
            writer.append_column(&bytes, close)?;
        }
        writer.close()?;
        Ok(())
    }

    /// Writes what is left and the footer.
    pub(crate) fn finish(mut self, key_values: Vec<KeyValue>) -> Result<Encoded<W>> {
        if let Some(group) = self.open.take() {
            self.close_group(group)?;
        }
        for key_value in key_values {
            self.writer.append_key_value_metadata(key_value);
        }
        self.writer.append_key_value_metadata(page_checksums::key_value(&self.page_crcs));
        self.writer.flush()?;
        self.writer.inner_mut().start_tail();
        let TailChecksum { inner, bytes, tail } = self.writer.into_inner()?;
        let (tail_offset, tail_crc) = tail.unwrap_or((bytes, 0));
        Ok(Encoded { inner, bytes, tail_offset, tail_crc })
    }
}

impl OpenGroup {
    fn write(&mut self, schema: &SchemaRef, rows: &RecordBatch) -> Result<()> {
        let mut columns = self.columns.iter_mut();
        for ((field, array), nulls) in schema.fields().iter().zip(rows.columns()).zip(&mut self.nulls) {
            *nulls += array.null_count();
            for leaf in compute_leaves(field, array)? {
                if let Some(column) = columns.next() {
                    column.write(&leaf)?;
                }
            }
        }
        self.rows += rows.num_rows();
        Ok(())
    }
}

fn leaf_count(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(item) => leaf_count(item.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| leaf_count(field.data_type())).sum(),
        _ => 1,
    }
}

/// Adds the null count to a chunk that has no statistics: it lets a reader skip columns that are empty there.
fn with_null_count(mut close: ColumnCloseResult, nulls: u64) -> Result<ColumnCloseResult> {
    if close.metadata.statistics().is_some() {
        return Ok(close);
    }
    let nulls = Some(nulls);
    let statistics = match close.metadata.column_type() {
        Type::BOOLEAN => Statistics::boolean(None, None, None, nulls, false),
        Type::INT32 => Statistics::int32(None, None, None, nulls, false),
        Type::INT64 => Statistics::int64(None, None, None, nulls, false),
        Type::INT96 => Statistics::int96(None, None, None, nulls, false),
        Type::FLOAT => Statistics::float(None, None, None, nulls, false),
        Type::DOUBLE => Statistics::double(None, None, None, nulls, false),
        Type::BYTE_ARRAY => Statistics::byte_array(None, None, None, nulls, false),
        Type::FIXED_LEN_BYTE_ARRAY => Statistics::fixed_len_byte_array(None, None, None, nulls, false),
    };
    close.metadata = close.metadata.into_builder().set_statistics(statistics).build()?;
    Ok(close)
}

/// Counts what is written and, from a point on, sums it up.
struct TailChecksum<W> {
    inner: W,
    bytes: u64,
    tail: Option<(u64, u32)>,
}

impl<W> TailChecksum<W> {
    fn start_tail(&mut self) {
        self.tail = Some((self.bytes, 0));
    }
}

impl<W: Write> Write for TailChecksum<W> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(buf)?;
        self.bytes += written as u64;
        if let (Some((_, crc)), Some(written)) = (&mut self.tail, buf.get(..written)) {
            *crc = crc32c::crc32c_append(*crc, written);
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
