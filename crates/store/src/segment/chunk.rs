//! Completing a column chunk: its pages come from the Parquet writer raw; here they are compressed where that pays, and get
//! the checksum that the writer leaves out.
//!
//! A reader sets up a decompressor for every compressed chunk, which costs more than reading a small one; so a chunk that
//! compression hardly shortens stays raw.
//!
//! A page header is a Thrift compact struct whose first three fields (type, uncompressed and compressed size) are always
//! present and whose checksum (field 4) comes before the type-specific header (field 5, 7 or 8): the third is replaced, the
//! fourth inserted, and the field delta after it lowered.

use std::io;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use zstd::bulk::Compressor;

/// The level of zstd: higher ones save hardly a byte here.
const LEVEL: i32 = 1;
/// A chunk is compressed if that saves at least this many bytes, and a tenth.
const SAVED_MIN: usize = 2_048;

/// A column chunk ready for its file.
pub(super) struct Chunk {
    /// Its pages, dictionary page first.
    pub(super) bytes: Bytes,
    /// Its metadata.
    pub(super) close: ColumnCloseResult,
    /// CRC-32C of each page, header included.
    pub(super) page_crcs: Vec<u32>,
}

/// Completes chunks; keeps its compressor from one to the next.
pub(super) struct ChunkWriter {
    compressor: Compressor<'static>,
}

impl ChunkWriter {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { compressor: Compressor::new(LEVEL)? })
    }

    /// The chunk of these raw pages (header and body).
    pub(super) fn complete(
        &mut self,
        pages: Vec<(Bytes, Bytes)>,
        mut close: ColumnCloseResult,
    ) -> Result<Chunk> {
        let (dictionary, data): (Vec<_>, Vec<_>) =
            pages.into_iter().partition(|(header, _)| header.get(1) == Some(&DICTIONARY_PAGE));
        let compressed = self.compress(dictionary.iter().chain(&data).map(|(_, body)| body))?;
        let mut writer = PageWriter::default();
        let mut bodies = compressed.iter().flatten();
        let mut body = |raw: &Bytes| bodies.next().cloned().unwrap_or_else(|| raw.clone());
        for (header, raw) in &dictionary {
            writer.append(header, raw, &body(raw))?;
        }
        let dictionary_len = writer.chunk.len();
        let mut locations = close.offset_index.as_mut().map(|index| index.page_locations.iter_mut());
        for (header, raw) in &data {
            let start = writer.chunk.len();
            writer.append(header, raw, &body(raw))?;
            if let Some(location) = locations.as_mut().and_then(Iterator::next) {
                location.offset = to_i64(start)?;
                location.compressed_page_size =
                    i32::try_from(writer.chunk.len() - start).map_err(|_| too_large())?;
            }
        }
        let PageWriter { chunk, raw_bytes, page_crcs } = writer;
        let codec = match compressed {
            Some(_) => Compression::ZSTD(ZstdLevel::try_new(LEVEL)?),
            None => Compression::UNCOMPRESSED,
        };
        close.bytes_written = chunk.len() as u64;
        close.metadata = close
            .metadata
            .into_builder()
            .set_compression(codec)
            .set_total_compressed_size(to_i64(chunk.len())?)
            .set_total_uncompressed_size(to_i64(raw_bytes)?)
            .set_dictionary_page_offset((dictionary_len > 0).then_some(0))
            .set_data_page_offset(to_i64(dictionary_len)?)
            .build()?;
        Ok(Chunk { bytes: Bytes::from(chunk), close, page_crcs })
    }

    /// The compressed bodies, or `None` if that is not worth while.
    fn compress<'a>(&mut self, bodies: impl Iterator<Item = &'a Bytes>) -> Result<Option<Vec<Bytes>>> {
        let (mut raw, mut small) = (0, 0);
        let mut compressed = Vec::new();
        for body in bodies {
            let bytes = self.compressor.compress(body)?;
            raw += body.len();
            small += bytes.len();
            compressed.push(Bytes::from(bytes));
            // Two pages tell whether the rest is worth a try.
            if compressed.len() == 2 && raw > SAVED_MIN * 4 && raw.saturating_sub(small) * 20 < raw {
                return Ok(None);
            }
        }
        let saved = raw.saturating_sub(small);
        Ok((saved >= SAVED_MIN && saved * 10 >= raw).then_some(compressed))
    }
}

/// `PageType::DICTIONARY_PAGE` (2) as a zigzag varint.
const DICTIONARY_PAGE: u8 = 4;
/// A Thrift compact field header: 32-bit integer, one above the previous field.
const NEXT_I32: u8 = 0x15;

/// Pages one after the other.
#[derive(Default)]
struct PageWriter {
    chunk: Vec<u8>,
    /// What they would take without compression.
    raw_bytes: usize,
    page_crcs: Vec<u32>,
}

impl PageWriter {
    fn append(&mut self, header: &[u8], raw: &[u8], body: &[u8]) -> Result<()> {
        let unknown = || ParquetError::General("a page header of an unknown form".to_owned());
        let start = self.chunk.len();
        let sizes = end_of_integers(header, 2).ok_or_else(unknown)?;
        let rest = end_of_integers(header, 3).and_then(|end| header.get(end..)).ok_or_else(unknown)?;
        let (field, tail) = rest.split_first().filter(|(field, _)| **field >> 4 > 1).ok_or_else(unknown)?;
        self.chunk.extend_from_slice(header.get(..sizes).unwrap_or_default());
        self.push_integer(i32::try_from(body.len()).map_err(|_| too_large())?);
        self.push_integer(crc32fast::hash(body).cast_signed());
        self.chunk.push(field - 0x10);
        self.chunk.extend_from_slice(tail);
        self.raw_bytes += self.chunk.len() - start + raw.len();
        self.chunk.extend_from_slice(body);
        self.page_crcs.push(crc32c::crc32c(self.chunk.get(start..).unwrap_or_default()));
        Ok(())
    }

    /// A field of 32 bits: its header, and its value as a zigzag varint.
    fn push_integer(&mut self, value: i32) {
        self.chunk.push(NEXT_I32);
        let mut zigzag = ((value << 1) ^ (value >> 31)).cast_unsigned();
        while zigzag >= 0x80 {
            self.chunk.push((zigzag & 0x7f) as u8 | 0x80);
            zigzag >>= 7;
        }
        self.chunk.push(zigzag as u8);
    }
}

/// Where the first `count` fields, all 32-bit integers, end.
fn end_of_integers(header: &[u8], count: usize) -> Option<usize> {
    let mut at = 0;
    for _ in 0..count {
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
