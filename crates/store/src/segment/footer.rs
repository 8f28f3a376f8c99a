//! Footers: checked against the checksum the catalog keeps, parsed once, and cached within a bound.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

use crate::catalog::FileId;
use crate::segment::file::{SegmentFile, Tail};
use crate::segment::page_checksums::{self, PageChecksum};

/// A parsed footer.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) reader: ArrowReaderMetadata,
    pub(crate) bytes: usize,
    /// The leaf columns of each column; they follow each other.
    leaves: HashMap<String, Range<usize>>,
    /// Every page's checksum, by offset.
    pub(crate) pages: Vec<PageChecksum>,
}

impl Footer {
    pub(crate) fn metadata(&self) -> &Arc<ParquetMetaData> {
        self.reader.metadata()
    }

    /// Reads the part of the file that follows the last row group, checks it and parses it.
    pub(crate) fn load_checked(file: &SegmentFile, tail_offset: u64, tail_crc: u32) -> Result<Self, String> {
        Self::parse(&read_tail(file, tail_offset, tail_crc)?)
    }

    /// Parses a footer for which no checksum is known.
    pub(crate) fn load(file: &SegmentFile) -> Result<Self, String> {
        Self::parse(file)
    }

    fn parse<R: ChunkReader>(source: &R) -> Result<Self, String> {
        let metadata = ParquetMetaDataReader::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(source)
            .map_err(|error| error.to_string())?;
        let mut leaves: HashMap<String, Range<usize>> = HashMap::new();
        for (leaf, column) in metadata.file_metadata().schema_descr().columns().iter().enumerate() {
            if let Some(root) = column.path().parts().first() {
                leaves.entry_ref(root.as_str()).or_insert(leaf..leaf).end = leaf + 1;
            }
        }
        let pages = page_checksums::read(&metadata)?;
        let bytes = metadata.memory_size() + leaves.len() * 64 + pages.len() * size_of::<PageChecksum>();
        let reader = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
            .map_err(|error| error.to_string())?;
        Ok(Self { reader, bytes, leaves, pages })
    }

    /// The leaf columns of a column, none if the file lacks it.
    pub(crate) fn leaves(&self, column: &str) -> Range<usize> {
        self.leaves.get(column).cloned().unwrap_or(0..0)
    }

    /// Where the part after the last row group starts.
    pub(crate) fn tail_offset(&self) -> u64 {
        let chunks = self.metadata().row_groups().iter().flat_map(|group| group.columns());
        let ends = chunks.map(|chunk| {
            let (start, length) = chunk.byte_range();
            start + length
        });
        // A file without rows has only its four magic bytes before the footer.
        ends.max().unwrap_or(4)
    }
}

/// The part of a file that follows the last row group, read at once and checked; reads of it need no further I/O.
pub(crate) fn read_tail(file: &SegmentFile, tail_offset: u64, tail_crc: u32) -> Result<SegmentFile, String> {
    let length = file.len().checked_sub(tail_offset).and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or("the file is shorter than the catalog says")?;
    let bytes = file.read_range(tail_offset, length).map_err(|error| error.to_string())?;
    if crc32c::crc32c(&bytes) != tail_crc {
        return Err("the footer's checksum differs".to_owned());
    }
    Ok(SegmentFile::new(Arc::new(Tail { offset: tail_offset, bytes })))
}

/// Which of a segment's two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Rows,
    Traces,
}

/// Footers in memory, the least recently used ones dropped first.
#[derive(Debug)]
pub(crate) struct FooterCache {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    footers: HashMap<(FileId, Part), (Arc<Footer>, u64)>,
    bytes: usize,
    uses: u64,
}

impl FooterCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// The cached footer, or what `load` gives; two threads may load the same one at once.
    pub(crate) fn get<E>(
        &self,
        id: FileId,
        part: Part,
        load: impl FnOnce() -> Result<Footer, E>,
    ) -> Result<Arc<Footer>, E> {
        {
            let mut state = self.state.lock();
            state.uses += 1;
            let now = state.uses;
            if let Some((footer, used)) = state.footers.get_mut(&(id, part)) {
                *used = now;
                return Ok(Arc::clone(footer));
            }
        }
        let footer = Arc::new(load()?);
        let mut state = self.state.lock();
        let now = state.uses;
        if let Some((old, _)) = state.footers.insert((id, part), (Arc::clone(&footer), now)) {
            state.bytes -= old.bytes;
        }
        state.bytes += footer.bytes;
        while state.bytes > self.bytes_max && state.footers.len() > 1 {
            let oldest = state
                .footers
                .iter()
                .filter(|(key, _)| **key != (id, part))
                .min_by_key(|(_, (_, used))| *used);
            let Some(key) = oldest.map(|(key, _)| *key) else { break };
            if let Some((footer, _)) = state.footers.remove(&key) {
                state.bytes -= footer.bytes;
            }
        }
        Ok(footer)
    }

    /// Drops what is kept of a segment that is gone.
    pub(crate) fn forget(&self, id: FileId) {
        let mut state = self.state.lock();
        for part in [Part::Rows, Part::Traces] {
            if let Some((footer, _)) = state.footers.remove(&(id, part)) {
                state.bytes -= footer.bytes;
            }
        }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().bytes
    }
}
