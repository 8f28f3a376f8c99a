//! Page checksums: the Parquet writer leaves them out, so its finished pages are collected here and get one each.
//!
//! A page header is a Thrift compact struct whose first three fields (type, sizes) are always present and whose checksum
//! (field 4) comes before the type-specific header (field 5, 7 or 8); inserting it changes one field delta and the length of
//! the page, and with that the chunk's sizes and offsets. Readers verify it: a flipped bit in a page is an error, never a value.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use parquet::arrow::arrow_writer::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};

/// Serialised header and body of each page of one column chunk, in the order in which they were finished.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages(Arc<Mutex<Vec<Bytes>>>);

/// Hands out a page buffer per column chunk and remembers it.
#[derive(Debug, Default)]
pub(super) struct PageCollector(Mutex<Vec<Pages>>);

impl PageCollector {
    /// The buffers handed out since the last call, in column order.
    pub(super) fn take(&self) -> Vec<Pages> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl PageStoreFactory for PageCollector {
    fn create(&self, _args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        let pages = Pages::default();
        self.0.lock().push(pages.clone());
        Ok(Box::new(pages))
    }
}

impl PageStore for Pages {
    fn put(&mut self, value: Bytes) -> Result<PageKey> {
        let mut blobs = self.0.lock();
        blobs.push(value);
        Ok(PageKey::new(blobs.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        let blobs = self.0.lock();
        let at = usize::try_from(key.get()).unwrap_or(usize::MAX);
        blobs
            .get(at)
            .cloned()
            .ok_or_else(|| ParquetError::General("a page was asked for that was never stored".to_owned()))
    }

    fn memory_size(&self) -> usize {
        self.0.lock().iter().map(Bytes::len).sum()
    }
}

/// A column chunk ready for its file.
pub(super) struct Chunk {
    /// Its pages, dictionary page first.
    pub(super) bytes: Bytes,
    /// Its metadata.
    pub(super) close: ColumnCloseResult,
    /// CRC-32C of each page, header included.
    pub(super) page_crcs: Vec<u32>,
}

/// The column chunk with a checksum in each page header, and its metadata adjusted.
pub(super) fn with_checksums(pages: &Pages, mut close: ColumnCloseResult) -> Result<Chunk> {
    let blobs = std::mem::take(&mut *pages.0.lock());
    let pairs: Vec<(&Bytes, &Bytes)> =
        blobs.chunks_exact(2).filter_map(|pair| Some((pair.first()?, pair.get(1)?))).collect();
    let mut page_crcs = Vec::with_capacity(pairs.len());
    let is_dictionary = |header: &Bytes| header.get(1) == Some(&DICTIONARY_PAGE);
    let mut chunk = Vec::with_capacity(blobs.iter().map(Bytes::len).sum::<usize>() + pairs.len() * 8);
    for (header, body) in pairs.iter().filter(|(header, _)| is_dictionary(header)) {
        page_crcs.push(append_page(&mut chunk, header, body)?);
    }
    let dictionary_len = chunk.len();
    let mut locations = close.offset_index.as_mut().map(|index| index.page_locations.iter_mut());
    for (header, body) in pairs.iter().filter(|(header, _)| !is_dictionary(header)) {
        let start = chunk.len();
        page_crcs.push(append_page(&mut chunk, header, body)?);
        if let Some(location) = locations.as_mut().and_then(Iterator::next) {
            location.offset = to_i64(start)?;
            location.compressed_page_size = i32::try_from(chunk.len() - start).map_err(|_| too_large())?;
        }
    }
    let growth = to_i64(chunk.len())? - close.metadata.compressed_size();
    let uncompressed = close.metadata.uncompressed_size() + growth;
    close.bytes_written = chunk.len() as u64;
    close.metadata = close
        .metadata
        .into_builder()
        .set_total_compressed_size(to_i64(chunk.len())?)
        .set_total_uncompressed_size(uncompressed)
        .set_dictionary_page_offset((dictionary_len > 0).then_some(0))
        .set_data_page_offset(to_i64(dictionary_len)?)
        .build()?;
    Ok(Chunk { bytes: Bytes::from(chunk), close, page_crcs })
}

/// `PageType::DICTIONARY_PAGE` (2) as a zigzag varint.
const DICTIONARY_PAGE: u8 = 4;
/// A Thrift compact field header: 32-bit integer, one above the previous field.
const NEXT_I32: u8 = 0x15;

/// Appends a page; returns its CRC-32C.
fn append_page(chunk: &mut Vec<u8>, header: &[u8], body: &[u8]) -> Result<u32> {
    let start = chunk.len();
    let at = end_of_sizes(header)
        .ok_or_else(|| ParquetError::General("a page header of an unknown form".to_owned()))?;
    let (sizes, rest) = header.split_at(at);
    let Some((field, tail)) = rest.split_first().filter(|(field, _)| **field >> 4 > 1) else {
        return Err(ParquetError::General("a page header without room for a checksum".to_owned()));
    };
    chunk.extend_from_slice(sizes);
    chunk.push(NEXT_I32);
    let crc = crc32fast::hash(body).cast_signed();
    let mut zigzag = ((crc << 1) ^ (crc >> 31)).cast_unsigned();
    while zigzag >= 0x80 {
        chunk.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    chunk.push(zigzag as u8);
    chunk.push(field - 0x10);
    chunk.extend_from_slice(tail);
    chunk.extend_from_slice(body);
    Ok(crc32c::crc32c(chunk.get(start..).unwrap_or_default()))
}

/// Where the fields type, uncompressed size and compressed size end.
fn end_of_sizes(header: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..3 {
        if *header.get(at)? != NEXT_I32 {
            return None;
        }
        at += 1;
        while *header.get(at)? & 0x80 != 0 {
            at += 1;
        }
        at += 1;
    }
    Some(at)
}

fn to_i64(length: usize) -> Result<i64> {
    i64::try_from(length).map_err(|_| too_large())
}

fn too_large() -> ParquetError {
    ParquetError::General("a page is too large".to_owned())
}
