//! What opening a store finds: reads every intact record of the log that is not in segments, past damage, and reports it.

mod files;
mod replay;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

pub(crate) use replay::{Recovery, RecoveryParts};

use crate::catalog::CatalogReport;
use crate::wal::WalRecord;

/// Makes rows of a logged request: decodes it and runs its pipeline's processors. The error is for the report.
pub type Replay = Arc<dyn Fn(&WalRecord) -> Result<RecordBatch, String> + Send + Sync>;

/// Damages and undecodable records listed in a report; more are only counted.
const LISTED_MAX: usize = 100;

/// What opening a store found and repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// How long it took.
    pub duration: Duration,
    /// The catalog.
    pub catalog: CatalogReport,
    /// Log files read.
    pub wal_files: u64,
    /// Requests read back into live data.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows: spans, log records, metric points.
    pub rows: [u64; 3],
    /// Requests that are in segments already.
    pub records_covered: u64,
    /// Damage in the log, at most 100.
    pub damages: Vec<WalDamage>,
    /// Acknowledged requests that damage took, as far as their numbers tell.
    pub records_lost: u64,
    /// Requests that the decoder refused now; at most 100 are listed, their bytes are in `quarantine/`.
    pub undecodable: Vec<Undecodable>,
    /// How many there were.
    pub records_undecodable: u64,
}

impl RecoveryReport {
    /// Whether there was nothing to report but what a stop at any moment leaves behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let torn = |damage: &WalDamage| matches!(damage, WalDamage::TornTail { .. });
        self.damages.iter().all(torn) && self.records_undecodable == 0 && self.catalog.damaged.is_empty()
    }

    fn damage(&mut self, damage: WalDamage) {
        tracing::warn!(%damage, "the write-ahead log is damaged");
        if self.damages.len() < LISTED_MAX {
            self.damages.push(damage);
        }
    }

    fn not_decoded(&mut self, record: Undecodable) {
        tracing::error!(number = record.number, reason = %record.reason, "a logged request cannot be decoded any more");
        self.records_undecodable += 1;
        if self.undecodable.len() < LISTED_MAX {
            self.undecodable.push(record);
        }
    }
}

/// Damage in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalDamage {
    /// The last record was not finished when the store stopped. It was not acknowledged.
    TornTail {
        /// The file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
    },
    /// Records in the middle are damaged; reading went on after them.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// Bytes passed over.
        bytes: u64,
    },
    /// Both headers of a file are damaged; it was moved to `quarantine/`.
    UnreadableFile {
        /// The file.
        path: PathBuf,
    },
    /// Records between two files are missing.
    MissingRecords {
        /// The file after the gap.
        path: PathBuf,
        /// How many.
        records: u64,
    },
}

impl fmt::Display for WalDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornTail { path, offset } => {
                write!(f, "unfinished record at byte {offset} of {}", path.display())
            }
            Self::Corrupt { path, offset, bytes } => {
                write!(f, "{bytes} damaged bytes at byte {offset} of {}", path.display())
            }
            Self::UnreadableFile { path } => write!(f, "no intact header in {}", path.display()),
            Self::MissingRecords { path, records } => {
                write!(f, "{records} records missing before {}", path.display())
            }
        }
    }
}

/// A logged request that the decoder refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Its number.
    pub number: u64,
    /// What the decoder said.
    pub reason: String,
    /// Where its bytes are kept.
    pub kept: PathBuf,
}
