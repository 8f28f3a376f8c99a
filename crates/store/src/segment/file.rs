//! Reading byte ranges of a segment's file: positioned reads on a local disk, range requests on an object store.
//!
//! Reading is synchronous: on a local disk a page costs one `pread`, and an asynchronous detour for each page would cost more
//! than the page. Reads from an object store block their thread, so they belong on a thread that may block.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// A source of byte ranges.
pub trait RangeRead: Send + Sync + Debug {
    /// Length of the whole.
    fn length(&self) -> u64;
    /// Exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// The read fails, or the range reaches past the end.
    fn read_range(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// A file on a local disk.
#[derive(Debug)]
struct LocalFile {
    file: File,
    length: u64,
}

impl RangeRead for LocalFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        // A damaged footer may ask for anything: never allocate more than the file has.
        if offset.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a range reaches past the end of the file",
            ));
        }
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, offset)?;
        Ok(Bytes::from(buffer))
    }
}

/// An object in an object store.
#[derive(Debug)]
struct ObjectFile {
    store: Arc<dyn ObjectStore>,
    location: object_store::path::Path,
    length: u64,
    runtime: tokio::runtime::Handle,
}

impl RangeRead for ObjectFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let range = offset..offset.saturating_add(length as u64);
        let bytes =
            self.runtime.block_on(self.store.get_range(&self.location, range)).map_err(io::Error::from)?;
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "an object is shorter than it said"))
        }
    }
}

/// A segment's bytes, wherever they are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SegmentFile(Arc<dyn RangeRead>);

impl SegmentFile {
    /// Opens a file on a local disk.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open_local(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self(Arc::new(LocalFile { file, length })))
    }

    /// Opens an object. Must be called, and the result used, outside of asynchronous code.
    ///
    /// # Errors
    /// The object does not exist or the store fails.
    pub fn open_object(
        store: Arc<dyn ObjectStore>,
        location: object_store::path::Path,
        runtime: tokio::runtime::Handle,
    ) -> io::Result<Self> {
        let length = runtime.block_on(store.head(&location)).map_err(io::Error::from)?.size;
        Ok(Self(Arc::new(ObjectFile { store, location, length, runtime })))
    }

    /// Reads from any other source.
    #[must_use]
    pub fn new(source: Arc<dyn RangeRead>) -> Self {
        Self(source)
    }

    /// Exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// The read fails, or the range reaches past the end.
    pub fn read_range(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.0.read_range(offset, length)
    }
}

impl Length for SegmentFile {
    fn len(&self) -> u64 {
        self.0.length()
    }
}

impl ChunkReader for SegmentFile {
    type T = BufReader<FromOffset>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(FromOffset { file: self.clone(), offset: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.0.read_range(start, length).map_err(ParquetError::from)
    }
}

/// Reads a file on from an offset.
#[derive(Debug)]
pub struct FromOffset {
    file: SegmentFile,
    offset: u64,
}

impl Read for FromOffset {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.len().saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let length = buf.len().min(left);
        let bytes = self.file.read_range(self.offset, length)?;
        if let Some(target) = buf.get_mut(..bytes.len()) {
            target.copy_from_slice(&bytes);
        }
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }
}

/// The end of a file that was read once and checked; reads of it need no further I/O.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) offset: u64,
    pub(crate) bytes: Bytes,
}

impl RangeRead for Tail {
    fn length(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let outside = || {
            io::Error::new(io::ErrorKind::UnexpectedEof, "a footer points outside of its part of the file")
        };
        let start =
            usize::try_from(offset.checked_sub(self.offset).ok_or_else(outside)?).map_err(|_| outside())?;
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or_else(outside)?;
        Ok(self.bytes.slice(start..end))
    }
}
