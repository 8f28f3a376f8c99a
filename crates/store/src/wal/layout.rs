//! The bytes of a log file: its header and the header of each record. Described byte by byte in `docs/format/wal.md`.

use throughline_model::Signal;

/// First bytes of every log file.
pub(crate) const FILE_MAGIC: [u8; 8] = *b"TLWAL\r\n\0";
/// Version of the layout.
pub(crate) const FILE_VERSION: u32 = 1;
/// Length of one copy of the file header.
pub(crate) const FILE_HEADER_LEN: usize = 64;
/// Where the second copy of the file header is.
pub(crate) const FILE_HEADER_COPY: usize = 2_048;
/// Where the first record is.
pub(crate) const FIRST_RECORD: u64 = 4_096;

/// First bytes of every record.
pub(crate) const RECORD_MAGIC: [u8; 4] = *b"TLR1";
/// Length of a record's header.
pub(crate) const RECORD_HEADER_LEN: usize = 40;
/// Records start at multiples of this.
pub(crate) const RECORD_ALIGN: u64 = 8;

/// The header of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHeader {
    /// The file's number; also its name.
    pub(crate) sequence: u64,
    /// Number of the first record it may hold.
    pub(crate) first_number: u64,
    /// Where the last synced record of the file before ended.
    pub(crate) previous_end: u64,
    /// Tells this use of the file's blocks from earlier ones.
    pub(crate) salt: u64,
    /// When it was made.
    pub(crate) created_ns: i64,
}

impl FileHeader {
    /// Everything before the first record: the header twice.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut one = Vec::with_capacity(FILE_HEADER_LEN);
        one.extend_from_slice(&FILE_MAGIC);
        one.extend_from_slice(&FILE_VERSION.to_le_bytes());
        one.extend_from_slice(&(FIRST_RECORD as u32).to_le_bytes());
        one.extend_from_slice(&self.sequence.to_le_bytes());
        one.extend_from_slice(&self.first_number.to_le_bytes());
        one.extend_from_slice(&self.previous_end.to_le_bytes());
        one.extend_from_slice(&self.salt.to_le_bytes());
        one.extend_from_slice(&self.created_ns.to_le_bytes());
        one.extend_from_slice(&crc32c::crc32c(&one).to_le_bytes());
        one.resize(FILE_HEADER_LEN, 0);
        let mut block = one.clone();
        block.resize(FILE_HEADER_COPY, 0);
        block.extend_from_slice(&one);
        block.resize(FIRST_RECORD as usize, 0);
        block
    }

    /// Reads the header from the first [`FIRST_RECORD`] bytes: the first copy, or the second when the first is damaged.
    pub(crate) fn decode(block: &[u8]) -> Option<Self> {
        let one = |at: usize| Self::decode_one(block.get(at..at + FILE_HEADER_LEN)?);
        one(0).or_else(|| one(FILE_HEADER_COPY))
    }

    fn decode_one(bytes: &[u8]) -> Option<Self> {
        let intact = bytes.get(..8)? == FILE_MAGIC
            && u32_at(bytes, 8)? == FILE_VERSION
            && u32_at(bytes, 56)? == crc32c::crc32c(bytes.get(..56)?);
        if !intact {
            return None;
        }
        Some(Self {
            sequence: u64_at(bytes, 16)?,
            first_number: u64_at(bytes, 24)?,
            previous_end: u64_at(bytes, 32)?,
            salt: u64_at(bytes, 40)?,
            created_ns: u64_at(bytes, 48)? as i64,
        })
    }
}

/// The header of a record. The body follows it: tenant, pipeline, raw request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    /// crc32c of the body.
    pub(crate) body_crc: u32,
    /// Length of the body.
    pub(crate) body_len: u32,
    /// The record's number: grows by one with each record of the log.
    pub(crate) number: u64,
    /// When the request came.
    pub(crate) received_ns: i64,
    /// What it carries.
    pub(crate) signal: Signal,
    /// The caller's code for the encoding of the raw request.
    pub(crate) encoding: u8,
    /// Length of the tenant's name.
    pub(crate) tenant_len: u8,
    /// Length of the pipeline's name.
    pub(crate) pipeline_len: u8,
}

impl RecordHeader {
    /// The header's bytes in a file with this salt.
    pub(crate) fn encode(&self, salt: u64) -> [u8; RECORD_HEADER_LEN] {
        let mut bytes = [0_u8; RECORD_HEADER_LEN];
        let mut at = 8;
        let mut put = |field: &[u8]| {
            if let Some(to) = bytes.get_mut(at..at + field.len()) {
                to.copy_from_slice(field);
            }
            at += field.len();
        };
        put(&self.body_crc.to_le_bytes());
        put(&self.body_len.to_le_bytes());
        put(&self.number.to_le_bytes());
        put(&self.received_ns.to_le_bytes());
        put(&[self.signal.code(), self.encoding, self.tenant_len, self.pipeline_len]);
        let crc = header_crc(salt, &bytes);
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header; none when it is damaged or of another use of the file.
    pub(crate) fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let bytes: &[u8; RECORD_HEADER_LEN] = bytes.get(..RECORD_HEADER_LEN)?.try_into().ok()?;
        if bytes[..4] != RECORD_MAGIC || u32_at(bytes, 4)? != header_crc(salt, bytes) {
            return None;
        }
        Some(Self {
            body_crc: u32_at(bytes, 8)?,
            body_len: u32_at(bytes, 12)?,
            number: u64_at(bytes, 16)?,
            received_ns: u64_at(bytes, 24)? as i64,
            signal: Signal::from_code(bytes[32])?,
            encoding: bytes[33],
            tenant_len: bytes[34],
            pipeline_len: bytes[35],
        })
    }

    /// Bytes the record takes in the file, padding included.
    pub(crate) fn stored_len(&self) -> u64 {
        stored_len(u64::from(self.body_len))
    }
}

/// Bytes that a record with this body takes in a file, padding included.
pub(crate) fn stored_len(body_len: u64) -> u64 {
    (RECORD_HEADER_LEN as u64 + body_len).next_multiple_of(RECORD_ALIGN)
}

fn header_crc(salt: u64, header: &[u8; RECORD_HEADER_LEN]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &header[8..])
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FileHeader {
        FileHeader { sequence: 7, first_number: 1_000, previous_end: 4_096, salt: 99, created_ns: -5 }
    }

    fn record() -> RecordHeader {
        RecordHeader {
            body_crc: 1,
            body_len: 13,
            number: 42,
            received_ns: -1,
            signal: Signal::Logs,
            encoding: 2,
            tenant_len: 9,
            pipeline_len: 3,
        }
    }

    #[test]
    fn a_file_header_survives_the_loss_of_either_copy() {
        let block = header().encode();
        assert_eq!(block.len() as u64, FIRST_RECORD);
        for at in [0, FILE_HEADER_COPY] {
            let mut damaged = block.clone();
            damaged[at + 20] ^= 1;
            assert_eq!(FileHeader::decode(&damaged), Some(header()));
        }
        assert_eq!(FileHeader::decode(&vec![0; FIRST_RECORD as usize]), None);
        assert_eq!(FileHeader::decode(&block[..40]), None);
    }

    #[test]
    fn a_record_header_is_refused_after_any_single_bit_flip() {
        let bytes = record().encode(5);
        assert_eq!(RecordHeader::decode(&bytes, 5), Some(record()));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&damaged, 5), None, "bit {bit}");
        }
    }

    #[test]
    fn a_record_of_an_earlier_use_of_the_file_is_refused() {
        assert_eq!(RecordHeader::decode(&record().encode(5), 6), None);
    }

    #[test]
    fn records_start_at_multiples_of_eight() {
        assert_eq!(record().stored_len(), 56);
        assert_eq!(stored_len(8), 48);
    }
}
