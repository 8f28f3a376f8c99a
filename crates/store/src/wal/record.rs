//! A record of the log and its place in it.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use throughline_model::{Signal, Tenant};

use crate::Error;
use crate::wal::RequestParts;
use crate::wal::layout::{RECORD_HEADER_LEN, RecordHeader, stored_len};

/// A place in the log: between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The log file.
    pub file: u64,
    /// The byte in it.
    pub offset: u64,
    /// The number of the next record.
    pub number: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

/// One accepted request as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct WalRecord {
    /// Grows by one with each record of the log.
    pub number: u64,
    /// Whose it is.
    pub tenant: Tenant,
    /// What it carries.
    pub signal: Signal,
    /// The caller's code for the encoding of `raw`.
    pub encoding: u8,
    /// The pipeline that took it.
    pub pipeline: Arc<str>,
    /// When it came, in nanoseconds since the epoch.
    pub received_ns: i64,
    /// The request's bytes, before any processor.
    pub raw: Bytes,
    /// The place just after it: what a reader commits when it is done with this record.
    pub next: Position,
}

impl fmt::Debug for WalRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalRecord")
            .field("number", &self.number)
            .field("tenant", &self.tenant)
            .field("signal", &self.signal)
            .field("encoding", &self.encoding)
            .field("pipeline", &self.pipeline)
            .field("received_ns", &self.received_ns)
            .field("raw_bytes", &self.raw.len())
            .field("next", &self.next)
            .finish()
    }
}

/// A request on its way into the log, checked and with its checksum taken.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    tenant: Tenant,
    signal: Signal,
    encoding: u8,
    pipeline: Arc<str>,
    received_ns: i64,
    raw: Bytes,
    tenant_len: u8,
    pipeline_len: u8,
    body_len: u32,
    body_crc: u32,
}

impl Entry {
    /// Checks what the layout cannot hold and takes the checksum of the body.
    pub(crate) fn new(request: RequestParts, record_bytes_max: usize) -> Result<Self, Error> {
        let RequestParts { tenant, signal, encoding, pipeline, received_ns, raw } = request;
        if raw.len() > record_bytes_max {
            let message =
                format!("the request has {} bytes; the log takes at most {record_bytes_max}", raw.len());
            return Err(Error::invalid(message));
        }
        let name_len = |what: &str, name: &str| {
            u8::try_from(name.len())
                .map_err(|_| Error::invalid(format!("the {what} name is longer than 255 bytes")))
        };
        let tenant_len = name_len("tenant", tenant.as_str())?;
        let pipeline_len = name_len("pipeline", &pipeline)?;
        let body_len = u32::try_from(raw.len() + tenant.as_str().len() + pipeline.len())
            .map_err(|_| Error::invalid("the request is longer than a record may be"))?;
        let crc = crc32c::crc32c(tenant.as_str().as_bytes());
        let crc = crc32c::crc32c_append(crc, pipeline.as_bytes());
        let body_crc = crc32c::crc32c_append(crc, &raw);
        Ok(Self {
            tenant,
            signal,
            encoding,
            pipeline,
            received_ns,
            raw,
            tenant_len,
            pipeline_len,
            body_len,
            body_crc,
        })
    }

    /// Whose it is.
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// What it carries.
    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    /// Bytes it takes in a file.
    pub(crate) fn stored_len(&self) -> u64 {
        stored_len(u64::from(self.body_len))
    }

    /// Appends the record's bytes, padding included.
    pub(crate) fn encode(&self, number: u64, salt: u64, into: &mut Vec<u8>) {
        let header = RecordHeader {
            body_crc: self.body_crc,
            body_len: self.body_len,
            number,
            received_ns: self.received_ns,
            signal: self.signal,
            encoding: self.encoding,
            tenant_len: self.tenant_len,
            pipeline_len: self.pipeline_len,
        };
        into.extend_from_slice(&header.encode(salt));
        into.extend_from_slice(self.tenant.as_str().as_bytes());
        into.extend_from_slice(self.pipeline.as_bytes());
        into.extend_from_slice(&self.raw);
        let padding = self.stored_len() - (RECORD_HEADER_LEN as u64 + u64::from(self.body_len));
        into.put_bytes(0, padding as usize);
    }
}

/// Takes a body apart. None when it breaks its own rules (a name that is no name), which an intact checksum excludes.
pub(crate) fn decode_body(header: &RecordHeader, body: Bytes, next: Position) -> Option<WalRecord> {
    let names = usize::from(header.tenant_len);
    let raw_at = names + usize::from(header.pipeline_len);
    let tenant = Tenant::new(std::str::from_utf8(body.get(..names)?).ok()?).ok()?;
    let pipeline = std::str::from_utf8(body.get(names..raw_at)?).ok()?.into();
    Some(WalRecord {
        number: header.number,
        tenant,
        signal: header.signal,
        encoding: header.encoding,
        pipeline,
        received_ns: header.received_ns,
        raw: body.slice(raw_at..),
        next,
    })
}
