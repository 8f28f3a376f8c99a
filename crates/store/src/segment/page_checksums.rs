//! Checksums over whole pages, header included, and the reader that verifies them.
//!
//! Parquet's own page checksum leaves the header out, and a damaged header can make a decoder give wrong values or panic. So
//! the footer, which has a checksum itself, lists a CRC-32C of every page, and no byte of a page reaches the decoder unverified.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};

use crate::segment::file::SegmentFile;
use crate::segment::footer::Footer;

const KEY: &str = "throughline.page_crc32c";

/// The footer's entry: eight hexadecimal digits a page, in file order.
pub(crate) fn key_value(crcs: &[u32]) -> KeyValue {
    let bytes: Vec<u8> = crcs.iter().flat_map(|crc| crc.to_be_bytes()).collect();
    KeyValue::new(KEY.to_owned(), hex::encode(bytes))
}

/// Where a page is, and its checksum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageChecksum {
    offset: u64,
    length: usize,
    crc: u32,
}

/// The checksums of all pages, by offset; the error says what is wrong with the footer.
pub(crate) fn read(metadata: &ParquetMetaData) -> std::result::Result<Vec<PageChecksum>, String> {
    let pairs = metadata.file_metadata().key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    let text = pairs.iter().find(|pair| pair.key == KEY).and_then(|pair| pair.value.as_deref());
    let bytes =
        hex::decode(text.ok_or("the footer has no page checksums")?).map_err(|error| error.to_string())?;
    let mut crcs = bytes.chunks_exact(4).filter_map(|crc| crc.try_into().ok()).map(u32::from_be_bytes);
    let mut pages = Vec::with_capacity(bytes.len() / 4);
    let mut add = |offset: u64, length: i64| -> std::result::Result<(), String> {
        let crc = crcs.next().ok_or("the footer lacks page checksums")?;
        let length = usize::try_from(length).map_err(|_| "the footer has a page of negative size")?;
        pages.push(PageChecksum { offset, length, crc });
        Ok(())
    };
    let index = metadata.offset_index().map(Vec::as_slice).unwrap_or_default();
    if index.len() != metadata.num_row_groups() {
        return Err("the footer has no page locations".to_owned());
    }
    for (group, columns) in metadata.row_groups().iter().zip(index) {
        for (chunk, column) in group.columns().iter().zip(columns) {
            let (start, length) = chunk.byte_range();
            let first =
                column.page_locations().first().map_or(start + length, |page| page.offset.unsigned_abs());
            if first > start {
                add(start, (first - start).cast_signed())?;
            }
            for page in column.page_locations() {
                add(page.offset.unsigned_abs(), i64::from(page.compressed_page_size))?;
            }
        }
    }
    pages.sort_unstable_by_key(|page| page.offset);
    Ok(pages)
}

/// A segment's pages, verified as they are read.
#[derive(Debug, Clone)]
pub(crate) struct CheckedFile {
    pub(crate) file: SegmentFile,
    pub(crate) footer: Arc<Footer>,
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for CheckedFile {
    type T = io::Empty;

    /// Decoders that know the pages read whole pages; nothing else is ever read from here.
    fn get_read(&self, _start: u64) -> Result<Self::T> {
        Err(ParquetError::General("a page was to be read without its location".to_owned()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let pages = &self.footer.pages;
        let at = pages.partition_point(|page| page.offset < start);
        let Some(page) = pages.get(at).filter(|page| page.offset == start && page.length == length) else {
            return Err(ParquetError::General("something other than a page was to be read".to_owned()));
        };
        let bytes = self.file.get_bytes(start, length)?;
        if crc32c::crc32c(&bytes) == page.crc {
            Ok(bytes)
        } else {
            Err(ParquetError::General(format!("the checksum of the page at byte {start} differs")))
        }
    }
}
