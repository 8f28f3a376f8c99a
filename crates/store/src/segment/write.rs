//! Writing a segment: rows to a temporary name, synced, then renamed, so that a file under its final name is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use throughline_model::merge::{self, ColumnPolicy};
use throughline_model::{Signal, Tenant, schema};

use crate::catalog::{self, FileEntry, FileId};
use crate::error::{Error, ErrorKind};
use crate::segment::encode::{Encoded, ParquetSink};
use crate::segment::meta::{SCHEMA_VERSION, SegmentMeta};
use crate::segment::sidecar_builder::SidecarBuilder;
use crate::segment::trace_groups::TraceIndex;
use crate::segment::{properties, services, sort};

/// What a new segment is.
#[derive(Debug, Clone)]
pub struct Target {
    /// The store's directory.
    pub data_dir: PathBuf,
    /// The segment's id, from [`crate::catalog::Catalog::next_id`].
    pub id: FileId,
    /// What kind of rows it holds.
    pub signal: Signal,
    /// Whose rows it holds.
    pub tenant: Tenant,
    /// 0: a flush; 1: compacted.
    pub level: u8,
    /// All records of the write-ahead log up to here that belong to the tenant and signal are in this segment or an older one.
    pub wal_position: u64,
    /// Now.
    pub created_ns: i64,
    /// The segments whose rows it takes over.
    pub replaces: Vec<FileId>,
}

/// A written segment, not yet in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What the catalog is to know of it.
    pub entry: FileEntry,
    /// Spans left out because their trace and span id occurred before.
    pub duplicates: u64,
}

/// Rows in segment order, ready to be written.
#[derive(Debug)]
pub struct Sorted {
    batch: RecordBatch,
    traces: Option<TraceIndex>,
    duplicates: u64,
}

impl Sorted {
    /// Puts the rows of `batches` (of any order, with any columns of the signal) in segment order; a span that occurs twice is
    /// kept once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for batches that are not of the signal.
    pub fn new(signal: Signal, batches: &[RecordBatch]) -> Result<Self, Error> {
        let batch = merge::concat(signal, batches, ColumnPolicy::SEGMENT)
            .map_err(|error| Error::invalid("rows do not fit the signal's columns").with_source(error))?;
        let mut order = sort::order(signal, &batch)?;
        let mut duplicates = Vec::new();
        let mut traces = None;
        if signal == Signal::Traces {
            let mut index = TraceIndex::of(&batch, &order)?;
            duplicates = index.duplicates(&batch, &order)?;
            if !duplicates.is_empty() {
                order = without(&order, &duplicates);
                index = TraceIndex::of(&batch, &order)?;
            }
            traces = Some(index);
        }
        Ok(Self { batch: sort::reorder(batch, order)?, traces, duplicates: duplicates.len() as u64 })
    }

    /// The rows.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The trace sidecar of the rows; `None` unless they are spans.
    ///
    /// # Errors
    /// A column has a wrong type.
    pub fn sidecar(&mut self) -> Result<Option<RecordBatch>, Error> {
        let Some(index) = self.traces.take() else { return Ok(None) };
        let mut builder = SidecarBuilder::with_index(index);
        builder.add_indexed(&self.batch)?;
        Ok(Some(builder.finish()?))
    }
}

/// Writes the rows of `batches` (of any order, with any columns of the signal) as one segment; `None` if there are no rows.
///
/// The segment is whole and synced when this returns, but serves nobody until the catalog has it; if it never does, the next
/// start removes it.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] for batches that are not of the signal, otherwise what the disk said.
pub fn write(target: &Target, batches: &[RecordBatch]) -> Result<Option<Written>, Error> {
    let mut sorted = Sorted::new(target.signal, batches)?;
    if sorted.batch.num_rows() == 0 {
        return Ok(None);
    }
    let sidecar = sorted.sidecar()?;
    let mut file = NewSegment::create(target, times(target.signal, &sorted.batch)?, &sorted.batch)?;
    file.append(&sorted.batch)?;
    let entry = file.finish(sidecar.as_ref())?;
    Ok(Some(Written { entry, duplicates: sorted.duplicates }))
}

/// `order` without the positions in `dropped` (ascending).
fn without(order: &[u32], dropped: &[u32]) -> Vec<u32> {
    let mut dropped = dropped.iter().peekable();
    let keep = |(row, at): (&u32, u32)| {
        if dropped.next_if(|next| **next == at).is_some() { None } else { Some(*row) }
    };
    order.iter().zip(0..).filter_map(keep).collect()
}

fn times(signal: Signal, batch: &RecordBatch) -> Result<(i64, i64), Error> {
    let times = sort::times(signal, batch)?;
    Ok((times.iter().copied().min().unwrap_or_default(), times.iter().copied().max().unwrap_or_default()))
}

/// A segment under its temporary name.
pub(crate) struct NewSegment<'a> {
    target: &'a Target,
    sink: ParquetSink<File>,
    temporary: Temporary,
    path: PathBuf,
    rows: u64,
    times: (i64, i64),
    services: services::ServiceNames,
    columns: Vec<String>,
}

impl<'a> NewSegment<'a> {
    /// Starts a segment whose rows lie in `times`; `sample` has its columns and shows what they hold.
    pub(crate) fn create(target: &'a Target, times: (i64, i64), sample: &RecordBatch) -> Result<Self, Error> {
        let partition = catalog::partition(target.signal, &target.tenant, times.1.min(target.created_ns));
        let path = partition.join(format!("{}.parquet", target.id));
        create_dir_synced(&target.data_dir, &partition)?;
        let schema = sample.schema();
        let columns = schema.fields().iter().filter(|field| schema::attribute_key(field.name()).is_some());
        let columns = columns.map(|field| field.name().clone()).collect();
        let properties = properties::segment(target.signal, sample);
        let temporary = Temporary::of(&target.data_dir.join(&path));
        let sink = match create_sink(&temporary.path, Arc::clone(&schema), properties.clone()) {
            // A purge may have removed the directory as empty just now.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create_dir_synced(&target.data_dir, &partition)?;
                create_sink(&temporary.path, schema, properties)?
            }
            sink => sink?,
        };
        let services = services::ServiceNames::default();
        Ok(Self { target, sink, temporary, path, rows: 0, times, services, columns })
    }

    /// Appends rows, which must come in segment order.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.services.add(batch)?;
        self.rows += batch.num_rows() as u64;
        self.sink.write(batch).map_err(|error| write_error(&self.temporary.path, error))
    }

    /// Syncs the segment and gives it its name.
    pub(crate) fn finish(self, sidecar: Option<&RecordBatch>) -> Result<FileEntry, Error> {
        let Self { target, sink, temporary, path, rows, times, services, columns } = self;
        let meta = SegmentMeta {
            schema_version: SCHEMA_VERSION,
            signal: target.signal,
            tenant: target.tenant.clone(),
            level: target.level,
            t_min: times.0,
            t_max: times.1,
            rows,
            wal_position: target.wal_position,
            created_ns: target.created_ns,
            services: services.finish(),
            replaces: target.replaces.clone(),
        };
        let full = target.data_dir.join(&path);
        let encoded = finish_sink(&temporary.path, sink, meta.key_values())?;
        let mut side = (0, 0, 0);
        if let Some(batch) = sidecar {
            let path = catalog::sidecar_path(&full);
            let temporary = Temporary::of(&path);
            let encoded = write_sidecar(&temporary.path, batch)?;
            side = (encoded.bytes, encoded.tail_offset, encoded.tail_crc);
            temporary.rename(&path)?;
        }
        temporary.rename(&full)?;
        if let Some(directory) = full.parent() {
            sync_dir(directory)?;
        }
        Ok(FileEntry {
            id: target.id,
            signal: target.signal,
            tenant: target.tenant.clone(),
            level: target.level,
            path,
            t_min: times.0,
            t_max: times.1,
            rows,
            bytes: encoded.bytes,
            sidecar_bytes: side.0,
            services: meta.services,
            columns,
            schema_version: SCHEMA_VERSION,
            wal_position: target.wal_position,
            created_ns: target.created_ns,
            tail_offset: encoded.tail_offset,
            tail_crc: encoded.tail_crc,
            sidecar_tail_offset: side.1,
            sidecar_tail_crc: side.2,
        })
    }
}

fn write_sidecar(path: &Path, batch: &RecordBatch) -> Result<Encoded<File>, Error> {
    let mut sink = create_sink(path, batch.schema(), properties::trace_sidecar())?;
    sink.write(batch).map_err(|error| write_error(path, error))?;
    finish_sink(path, sink, Vec::new())
}

fn create_sink(
    path: &Path,
    schema: arrow::datatypes::SchemaRef,
    properties: WriterProperties,
) -> Result<ParquetSink<File>, Error> {
    let file = File::create(path).map_err(|error| Error::io("create", path, error))?;
    ParquetSink::new(file, schema, properties).map_err(|error| write_error(path, error))
}

fn finish_sink(
    path: &Path,
    sink: ParquetSink<File>,
    key_values: Vec<parquet::file::metadata::KeyValue>,
) -> Result<Encoded<File>, Error> {
    let encoded = sink.finish(key_values).map_err(|error| write_error(path, error))?;
    encoded.inner.sync_all().map_err(|error| Error::io("sync", path, error))?;
    Ok(encoded)
}

/// The suffix of files that are being written; a start removes what still has it.
pub(crate) const TEMPORARY: &str = "tmp";

/// A file that is being written; removed if it never gets its name.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    is_renamed: bool,
}

impl Temporary {
    fn of(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(TEMPORARY);
        Self { path: PathBuf::from(name), is_renamed: false }
    }

    fn rename(mut self, to: &Path) -> Result<(), Error> {
        fs::rename(&self.path, to).map_err(|error| Error::io("rename", &self.path, error))?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_renamed {
            // On a full disk it holds room that others need; if this fails the next start removes it.
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(directory: &Path) -> Result<(), Error> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|error| Error::io("sync", directory, error))
}

/// Creates `relative` below `base`, and makes each new name durable.
pub(crate) fn create_dir_synced(base: &Path, relative: &Path) -> Result<(), Error> {
    let mut path = base.to_owned();
    for part in relative.components() {
        let parent = path.clone();
        path.push(part);
        match fs::create_dir(&path) {
            Ok(()) => sync_dir(&parent)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create", &path, error)),
        }
    }
    Ok(())
}

/// A failed write: what the disk said where it was the disk.
pub(crate) fn write_error(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => Error::io("write", path, *error),
            Err(source) => Error::internal("cannot encode a segment").at_path(path).with_source(source),
        },
        other => Error::internal("cannot encode a segment").at_path(path).with_source(other),
    }
}
