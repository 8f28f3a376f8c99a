//! Reading the log back into live data.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use throughline_model::{Signal, Tenant};

use crate::Error;
use crate::catalog::Catalog;
use crate::live::{Live, shrink};
use crate::recovery::files::{self, FoundFile};
use crate::recovery::{RecoveryReport, Replay, Undecodable, WalDamage};
use crate::store::flush::Flusher;
use crate::wal::cursor::Step;
use crate::wal::disk::Disk;
use crate::wal::ledger::{Ledger, LogFile};
use crate::wal::{Start, WalRecord};

/// What a recovery works with.
pub(crate) struct RecoveryParts {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) data_dir: PathBuf,
    pub(crate) wal_dir: PathBuf,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) live: Arc<Live>,
    pub(crate) flusher: Arc<Flusher>,
    pub(crate) replay: Replay,
}

/// A recovery under way.
pub(crate) struct Recovery {
    parts: RecoveryParts,
    report: RecoveryReport,
    next_number: u64,
    last_read: u64,
    covered: HashMap<(Signal, Tenant), u64>,
}

impl Recovery {
    pub(crate) fn new(parts: RecoveryParts) -> Self {
        Self {
            parts,
            report: RecoveryReport::default(),
            next_number: 0,
            last_read: 0,
            covered: HashMap::new(),
        }
    }

    /// Reads what is not in segments; flushes on the way when it is more than live data may be.
    pub(crate) fn run(mut self) -> Result<(Start, RecoveryReport), Error> {
        let disk = self.parts.disk.clone();
        let found = files::look(disk.as_ref(), &self.parts.wal_dir)?;
        for (_, path) in &found.unreadable {
            self.set_aside(path)?;
        }
        let covered = self.parts.catalog.wal_covered();
        for (name, position) in &found.readers {
            self.parts.ledger.register(name, Some(*position));
        }
        let mut end = 0;
        let mut last = 0;
        let newest = found.files.last().map(|file| file.sequence);
        for file in found.files {
            let sequence = file.sequence;
            let is_read = sequence >= covered || Some(sequence) == newest;
            let bytes = file.bytes;
            let first_number = file.cursor.header().first_number;
            let file_end = if is_read { self.read(file)? } else { file.end.unwrap_or(bytes) };
            self.parts.ledger.add_file(sequence, LogFile { bytes, end: file_end, first_number });
            (last, end) = (sequence, file_end);
            if is_read {
                self.flush_if_large(sequence + 1)?;
            }
        }
        let reached = found.readers.iter().map(|(_, position)| position.number).max().unwrap_or(0);
        let number = self.next_number.max(reached).max(1);
        let segments = self.parts.catalog.snapshot();
        let in_segments = segments.files().map(|file| file.wal_position).max().unwrap_or(0);
        let file = (found.last + 1).max(in_segments).max(self.parts.catalog.wal_covered());
        let previous_end = if file == last + 1 { end } else { 0 };
        self.parts.ledger.set_covered(covered);
        Ok((Start { file, number, previous_end }, self.report))
    }

    /// Reads one file; returns where its last intact record ends.
    fn read(&mut self, mut file: FoundFile) -> Result<u64, Error> {
        let path = file.cursor.path().to_owned();
        self.report.wal_files += 1;
        let first = file.cursor.header().first_number;
        if self.next_number > 0 && first > self.next_number {
            let records = first - self.next_number;
            self.report.records_lost += records;
            // Damage within the file before was reported where it is.
            if file.sequence != self.last_read + 1 {
                self.report.damage(WalDamage::MissingRecords { path: path.clone(), records });
            }
        }
        self.last_read = file.sequence;
        self.next_number = self.next_number.max(first);
        let end = file.end.unwrap_or(u64::MAX);
        let mut good = file.cursor.offset();
        while file.cursor.offset() < end {
            let step = file.cursor.step().map_err(|error| Error::io("read", &path, error))?;
            match step {
                Step::Record(record) => {
                    good = file.cursor.offset();
                    self.report.records_lost += record.number.saturating_sub(self.next_number);
                    self.next_number = record.number + 1;
                    self.take(file.sequence, &record)?;
                }
                Step::Damage { offset, resume } => {
                    let bytes = resume.min(end) - offset;
                    self.report.damage(WalDamage::Corrupt { path: path.clone(), offset, bytes });
                }
                Step::End { offset, .. } if end != u64::MAX => {
                    let bytes = end - offset;
                    self.report.damage(WalDamage::Corrupt { path: path.clone(), offset, bytes });
                    break;
                }
                Step::End { offset, torn } => {
                    if torn {
                        self.report.damage(WalDamage::TornTail { path: path.clone(), offset });
                    }
                    break;
                }
            }
        }
        Ok(good)
    }

    fn take(&mut self, sequence: u64, record: &WalRecord) -> Result<(), Error> {
        if self.is_covered(sequence, record.signal, &record.tenant)? {
            self.report.records_covered += 1;
            return Ok(());
        }
        match (self.parts.replay)(record) {
            Ok(batch) => {
                self.report.records += 1;
                self.report.bytes += record.raw.len() as u64;
                let index = crate::live::signal_index(record.signal);
                if let Some(rows) = self.report.rows.get_mut(index) {
                    *rows += batch.num_rows() as u64;
                }
                if batch.num_rows() > 0 {
                    self.parts.live.restore(&record.tenant, record.signal, shrink(batch)?);
                }
                Ok(())
            }
            Err(reason) => {
                let kept = self.keep_raw(record)?;
                self.report.not_decoded(Undecodable { number: record.number, reason, kept });
                Ok(())
            }
        }
    }

    /// Per table, because a rebuilt catalog knows it only so.
    fn is_covered(&mut self, sequence: u64, signal: Signal, tenant: &Tenant) -> Result<bool, Error> {
        let key = (signal, tenant.clone());
        if let Some(covered) = self.covered.get(&key) {
            return Ok(sequence < *covered);
        }
        // Flushes on the way only cover files that were read already.
        let covered = self.parts.catalog.covered(signal, tenant)?;
        self.covered.insert(key, covered);
        Ok(sequence < covered)
    }

    fn flush_if_large(&self, next_file: u64) -> Result<(), Error> {
        self.parts.live.merge()?;
        if self.parts.live.is_flush_due() {
            self.parts.live.freeze(next_file);
            if let Err(error) = self.parts.flusher.flush_frozen() {
                // It stays in live data, and the flush is repeated once the store is open.
                tracing::warn!(%error, cause = error.source_text(), "cannot flush while the log is read");
            }
        }
        Ok(())
    }

    fn keep_raw(&self, record: &WalRecord) -> Result<PathBuf, Error> {
        let dir = self.quarantine_dir()?;
        let path = dir.join(format!("request-{}-{}.raw", record.number, record.signal));
        fs::write(&path, &record.raw).map_err(|error| Error::io("write", &path, error))?;
        Ok(path)
    }

    fn set_aside(&mut self, path: &Path) -> Result<(), Error> {
        let dir = self.quarantine_dir()?;
        if let Some(name) = path.file_name() {
            let to = dir.join(name);
            self.parts.disk.rename(path, &to).map_err(|error| Error::io("move", path, error))?;
        }
        self.report.damage(WalDamage::UnreadableFile { path: path.to_owned() });
        Ok(())
    }

    fn quarantine_dir(&self) -> Result<PathBuf, Error> {
        let dir = self.parts.data_dir.join("quarantine");
        self.parts.disk.create_dir(&dir).map_err(|error| Error::io("create", &dir, error))?;
        Ok(dir)
    }
}
