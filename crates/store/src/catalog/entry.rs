//! One segment as the catalog knows it.

use std::fmt;
use std::path::{Path, PathBuf};

use throughline_model::{Signal, Tenant};

/// Names a segment; larger is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FileId {
    /// The id in the name of a segment's file or sidecar.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let digits = name.split('.').next().filter(|digits| digits.len() == 16)?;
        u64::from_str_radix(digits, 16).ok().map(Self)
    }
}

/// A segment that serves reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its id.
    pub id: FileId,
    /// What kind of rows it holds.
    pub signal: Signal,
    /// Whose rows it holds.
    pub tenant: Tenant,
    /// 0: a flush; 1: compacted.
    pub level: u8,
    /// Its file, relative to the data directory.
    pub path: PathBuf,
    /// Smallest time of a row (`start_ns` or `time_ns`).
    pub t_min: i64,
    /// Largest time of a row.
    pub t_max: i64,
    /// Number of rows.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Size of the trace sidecar; 0 if there is none.
    pub sidecar_bytes: u64,
    /// Its services in order, unless there are more than 256.
    pub services: Option<Vec<String>>,
    /// Its attribute columns (`a.<key>`).
    pub columns: Vec<String>,
    /// Version of the columns and their meaning.
    pub schema_version: u32,
    /// All records of the write-ahead log up to here that belong to the tenant and signal are in this segment or an older one.
    pub wal_position: u64,
    /// When it was written.
    pub created_ns: i64,
    /// Where the part of the file after the last row group starts.
    pub tail_offset: u64,
    /// CRC-32C of that part.
    pub tail_crc: u32,
    /// The same of the sidecar.
    pub sidecar_tail_offset: u64,
    /// The same of the sidecar.
    pub sidecar_tail_crc: u32,
}

const HOUR_NS: i64 = 3_600_000_000_000;

impl FileEntry {
    /// The path of the trace sidecar, relative to the data directory.
    #[must_use]
    pub fn sidecar_path(&self) -> Option<PathBuf> {
        (self.sidecar_bytes > 0).then(|| sidecar_path(&self.path))
    }

    /// Whether a row may have a time in `[start_ns, end_ns)`.
    #[must_use]
    pub fn overlaps(&self, start_ns: i64, end_ns: i64) -> bool {
        self.t_min < end_ns && self.t_max >= start_ns
    }

    /// The partition: its directory, relative to the data directory.
    #[must_use]
    pub fn partition(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The time by which retention judges it: its newest row, but never later than when it was written (clocks lie).
    #[must_use]
    pub fn age_time_ns(&self) -> i64 {
        self.t_max.min(self.created_ns)
    }

    /// When the hour of its partition is over.
    #[must_use]
    pub fn partition_end_ns(&self) -> i64 {
        self.age_time_ns().div_euclid(HOUR_NS).saturating_add(1).saturating_mul(HOUR_NS)
    }

    /// All its bytes on disk.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.bytes + self.sidecar_bytes
    }
}

/// `segments/<signal>/<tenant>/<yyyymmddhh>`: the partition of rows whose newest has that time.
pub(crate) fn partition(signal: Signal, tenant: &Tenant, time_ns: i64) -> PathBuf {
    let mut path = PathBuf::from("segments");
    path.push(signal.name());
    path.push(tenant.as_str());
    path.push(hour_name(time_ns.div_euclid(HOUR_NS)));
    path
}

pub(crate) fn sidecar_path(main: &Path) -> PathBuf {
    main.with_extension("traces.parquet")
}

/// `yyyymmddhh` of an hour since the epoch, in UTC.
fn hour_name(hour: i64) -> String {
    let (day, hour) = (hour.div_euclid(24), hour.rem_euclid(24));
    // Days to a date of the proleptic Gregorian calendar, by eras of 400 years that start in March.
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}{hour:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_by_hour() {
        let at = |time_ns| partition(Signal::Traces, &Tenant::default(), time_ns).display().to_string();
        assert_eq!(at(0), "segments/traces/anonymous/1970010100");
        assert_eq!(at(1_795_250_000_000_000_000), "segments/traces/anonymous/2026112108");
        assert_eq!(at(951_868_799_000_000_000), "segments/traces/anonymous/2000022923");
        assert_eq!(at(-1), "segments/traces/anonymous/1969123123");
    }

    #[test]
    fn ids_are_read_back_from_names() {
        let id = FileId(0xbeef);
        assert_eq!(FileId::of_path(Path::new(&format!("a/{id}.parquet"))), Some(id));
        assert_eq!(FileId::of_path(Path::new(&format!("a/{id}.traces.parquet"))), Some(id));
        assert_eq!(FileId::of_path(Path::new("a/notes.txt")), None);
    }
}
