//! Reads the records of one log file in order, past damage to the next intact record.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::wal::disk::{Disk, DiskFile};
use crate::wal::layout::{
    FIRST_RECORD, FileHeader, RECORD_ALIGN, RECORD_HEADER_LEN, RECORD_MAGIC, RecordHeader,
};
use crate::wal::record::{Position, WalRecord, decode_body};

const WINDOW_BYTES: usize = 256 * 1024;

/// What stands at a place in a log file.
#[derive(Debug)]
pub(crate) enum Step {
    /// An intact record.
    Record(WalRecord),
    /// Damage, with an intact record after it at `resume`.
    Damage { offset: u64, resume: u64 },
    /// No intact record from here on. `torn`: a record was begun and never finished.
    End { offset: u64, torn: bool },
}

/// Reads one file. Holds one window of it in memory, or one record where that is larger.
#[derive(Debug)]
pub(crate) struct Cursor {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    header: FileHeader,
    len: u64,
    offset: u64,
    last_number: u64,
    window: Vec<u8>,
    window_at: u64,
    known_end: u64,
}

impl Cursor {
    /// Opens a file; none when both copies of its header are damaged.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Option<Self>> {
        let file = disk.open(path)?;
        let len = file.size()?;
        let mut block = vec![0; FIRST_RECORD as usize];
        let read = file.read_at(&mut block, 0)?;
        block.truncate(read);
        let Some(header) = FileHeader::decode(&block) else { return Ok(None) };
        let last_number = header.first_number.saturating_sub(1);
        let path = path.to_owned();
        let (window, window_at, known_end) = (Vec::new(), 0, 0);
        Ok(Some(Self {
            file,
            path,
            header,
            len,
            offset: FIRST_RECORD,
            last_number,
            window,
            window_at,
            known_end,
        }))
    }

    /// The file's header.
    pub(crate) fn header(&self) -> &FileHeader {
        &self.header
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next step reads.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes to a place, which must be between two records.
    pub(crate) fn seek(&mut self, offset: u64) {
        self.offset = offset.max(FIRST_RECORD);
    }

    /// Reads on. After damage the cursor stands at the next intact record; at the end it stays.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let offset = self.offset;
        if let Some(header) = self.header_at(offset)? {
            if let Some(record) = self.record_at(&header, offset)? {
                self.offset = offset + header.stored_len();
                self.last_number = header.number;
                return Ok(Step::Record(record));
            }
            // The header is intact, so its length tells where the next record would be.
            if let Some(resume) = self.find_intact(offset + header.stored_len())? {
                self.offset = resume;
                return Ok(Step::Damage { offset, resume });
            }
        }
        match self.find_intact(offset + RECORD_ALIGN)? {
            Some(resume) => {
                self.offset = resume;
                Ok(Step::Damage { offset, resume })
            }
            None => Ok(Step::End { offset, torn: self.begun_at(offset)? }),
        }
    }

    /// Reads at most one record before `end`, without looking past damage: for a reader that follows the writer.
    pub(crate) fn step_before(&mut self, end: u64) -> io::Result<Option<Step>> {
        if self.offset >= end {
            return Ok(None);
        }
        if end != self.known_end {
            // What was read ahead may have been written since.
            self.known_end = end;
            self.window.clear();
        }
        self.step().map(Some)
    }

    /// A header that is intact, in order and inside the file.
    fn header_at(&mut self, offset: u64) -> io::Result<Option<RecordHeader>> {
        let salt = self.header.salt;
        let last = self.last_number;
        let len = self.len;
        let bytes = self.bytes(offset, RECORD_HEADER_LEN)?;
        Ok(RecordHeader::decode(bytes, salt).filter(|header| {
            let names = u32::from(header.tenant_len) + u32::from(header.pipeline_len);
            header.number > last && names <= header.body_len && offset + header.stored_len() <= len
        }))
    }

    fn record_at(&mut self, header: &RecordHeader, offset: u64) -> io::Result<Option<WalRecord>> {
        let body_at = offset + RECORD_HEADER_LEN as u64;
        let body = Bytes::copy_from_slice(self.bytes(body_at, header.body_len as usize)?);
        if body.len() != header.body_len as usize || crc32c::crc32c(&body) != header.body_crc {
            return Ok(None);
        }
        let next = Position {
            file: self.header.sequence,
            offset: offset + header.stored_len(),
            number: header.number + 1,
        };
        Ok(decode_body(header, body, next))
    }

    /// The first intact record at or after an offset.
    fn find_intact(&mut self, from: u64) -> io::Result<Option<u64>> {
        let mut at = from.next_multiple_of(RECORD_ALIGN);
        while at + RECORD_HEADER_LEN as u64 <= self.len {
            let window = self.bytes(at, WINDOW_BYTES)?;
            let Some(found) = memchr::memmem::find(window, &RECORD_MAGIC) else {
                // Magics are aligned, so none lies across the end of a window.
                at = (at + (window.len() as u64).max(RECORD_ALIGN)).next_multiple_of(RECORD_ALIGN);
                continue;
            };
            at += found as u64;
            if at.is_multiple_of(RECORD_ALIGN)
                && let Some(header) = self.header_at(at)?
                && self.record_at(&header, at)?.is_some()
            {
                return Ok(Some(at));
            }
            at = (at + 1).next_multiple_of(RECORD_ALIGN);
        }
        Ok(None)
    }

    /// Whether a record of this use of the file was begun at an offset.
    fn begun_at(&mut self, offset: u64) -> io::Result<bool> {
        let salt = self.header.salt;
        let bytes = self.bytes(offset, RECORD_HEADER_LEN)?;
        Ok(RecordHeader::decode(bytes, salt).is_some())
    }

    /// Bytes of the file; fewer than asked for at its end.
    fn bytes(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let held = self.window_at + self.window.len() as u64;
        let wanted = (offset + len as u64).min(self.len);
        if offset < self.window_at || wanted > held {
            let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
            self.window.resize(len.max(WINDOW_BYTES).min(rest), 0);
            self.window_at = offset;
            let read = self.file.read_at(&mut self.window, offset)?;
            self.window.truncate(read);
        }
        let start = usize::try_from(offset - self.window_at).unwrap_or(usize::MAX).min(self.window.len());
        let end = (start + len).min(self.window.len());
        Ok(self.window.get(start..end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
