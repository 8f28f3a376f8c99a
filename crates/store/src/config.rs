//! What a store can be told: where it lives, how durable an OK is, when it flushes, how much it may hold.

mod duration_text;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// When a request is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// After its bytes are synced: it survives power loss.
    #[default]
    Strict,
    /// After its bytes are handed to the operating system: it survives a crash of the process, and all but the last
    /// [`WalConfig::relaxed_window`] survives power loss.
    Relaxed,
}

/// Settings of a store. Every field has a default; only the directory must be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The directory that holds everything. Default `./throughline-data`.
    pub data_dir: PathBuf,
    /// When a request is acknowledged. Default strict.
    pub durability: Durability,
    /// The write-ahead log.
    pub wal: WalConfig,
    /// Live data: what is queryable before it is in a segment.
    pub live: LiveConfig,
    /// When live data becomes a segment.
    pub flush: FlushConfig,
    /// What is dropped, and when.
    pub retention: RetentionConfig,
    /// How small segments become large ones.
    pub compaction: CompactionConfig,
    /// Caches and bounds of reading.
    pub read: ReadConfig,
}

impl StoreConfig {
    /// The default settings, in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), ..Self::default() }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./throughline-data"),
            durability: Durability::Strict,
            wal: WalConfig::default(),
            live: LiveConfig::default(),
            flush: FlushConfig::default(),
            retention: RetentionConfig::default(),
            compaction: CompactionConfig::default(),
            read: ReadConfig::default(),
        }
    }
}

/// Settings of the write-ahead log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalConfig {
    /// Size of one preallocated log file; a request larger than this gets a file of its own. Default 32 MiB.
    pub segment_bytes: u64,
    /// The log as a whole: beyond it exporters that lag lose their oldest records (counted), and if the flush cannot keep up
    /// requests are refused. Default 2 GiB.
    pub bytes_max: u64,
    /// Requests that may wait for the log writer. Default 8,192.
    pub queue_records_max: usize,
    /// Bytes that may wait for the log writer. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Bytes that one sync may cover. Default 8 MiB.
    pub group_bytes_max: usize,
    /// The largest request taken. Default 64 MiB.
    pub record_bytes_max: usize,
    /// With [`Durability::Relaxed`]: the longest time an acknowledged request stays unsynced. Default 200 ms.
    #[serde(with = "duration_text")]
    pub relaxed_window: Duration,
    /// Disk space held back so that live data can still be flushed when the disk is full. Default 16 MiB.
    pub reserve_bytes: u64,
    /// Used log files kept for reuse; overwriting an allocated file syncs faster than growing a new one. They are
    /// given up after half a minute without requests. Default 1.
    pub spare_files_max: usize,
}

impl Default for WalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 32 * MIB,
            bytes_max: 2 * GIB,
            queue_records_max: 8_192,
            queue_bytes_max: 64 * MIB as usize,
            group_bytes_max: 8 * MIB as usize,
            record_bytes_max: 64 * MIB as usize,
            relaxed_window: Duration::from_millis(200),
            reserve_bytes: 16 * MIB,
            spare_files_max: 1,
        }
    }
}

/// Settings of live data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveConfig {
    /// How often small batches are merged into larger ones. Default 1 s.
    #[serde(with = "duration_text")]
    pub merge_interval: Duration,
    /// Rows of a merged batch; batches of half as many are left alone. Default 8,192.
    pub merge_rows_max: usize,
    /// Memory of live data, flushing included; beyond it requests are refused with a delay. Default 192 MiB.
    pub bytes_max: usize,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self { merge_interval: Duration::from_secs(1), merge_rows_max: 8_192, bytes_max: 192 * MIB as usize }
    }
}

/// When live data becomes a segment: whichever comes first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlushConfig {
    /// Rows in live data. Default 524,288.
    pub rows: u64,
    /// Age of the oldest row in live data. Default 60 s.
    #[serde(with = "duration_text")]
    pub interval: Duration,
    /// Memory of live data. Default 64 MiB.
    pub bytes: usize,
    /// At shutdown live data of at most this many rows is flushed; more stays in the log, which the next start replays. Default 100,000.
    pub shutdown_rows_max: u64,
}

impl Default for FlushConfig {
    fn default() -> Self {
        Self {
            rows: 524_288,
            interval: Duration::from_secs(60),
            bytes: 64 * MIB as usize,
            shutdown_rows_max: 100_000,
        }
    }
}

/// What is dropped, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Segments whose newest row is older than this are dropped; zero keeps them for ever. Default 15 days.
    #[serde(with = "duration_text")]
    pub age_max: Duration,
    /// When segments take more bytes than this the oldest are dropped; zero means no bound. Default 0.
    pub bytes_max: u64,
    /// How often both are checked. Default 60 s.
    #[serde(with = "duration_text")]
    pub interval: Duration,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { age_max: Duration::from_secs(15 * 24 * 3600), bytes_max: 0, interval: Duration::from_secs(60) }
    }
}

/// How small segments become large ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompactionConfig {
    /// Whether to compact at all. Default true.
    pub enabled: bool,
    /// Rows of a compacted segment. Default 4,194,304.
    pub rows_target: u64,
    /// Bytes that one compaction may read. Default 256 MiB.
    pub bytes_max: u64,
    /// Level-0 segments of one partition that make a compaction worth while before its hour is over. Default 8.
    pub files_min: usize,
    /// How often candidates are looked for. Default 10 s.
    #[serde(with = "duration_text")]
    pub interval: Duration,
    /// How long a replaced file stays on disk for the scans that still read it. Default 60 s.
    #[serde(with = "duration_text")]
    pub delete_grace: Duration,
}

impl Default for CompactionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            rows_target: 4_194_304,
            bytes_max: 256 * MIB,
            files_min: 8,
            interval: Duration::from_secs(10),
            delete_grace: Duration::from_secs(60),
        }
    }
}

/// Caches and bounds of reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadConfig {
    /// Memory for cached file footers and sidecars. Default 32 MiB.
    pub footer_cache_bytes: usize,
    /// Scans that may run at once; more wait. Default 16.
    pub scans_max: usize,
}

impl Default for ReadConfig {
    fn default() -> Self {
        Self { footer_cache_bytes: 32 * MIB as usize, scans_max: 16 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_the_default() {
        let config: StoreConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, StoreConfig::default());
    }

    #[test]
    fn refuses_an_unknown_key() {
        let error = serde_json::from_str::<StoreConfig>(r#"{"wal":{"segment_size":1}}"#).unwrap_err();
        assert!(error.to_string().contains("segment_size"), "{error}");
    }

    #[test]
    fn takes_durations_as_text() {
        let config: StoreConfig =
            serde_json::from_str(r#"{"retention":{"age_max":"168h"},"flush":{"interval":1500}}"#).unwrap();
        assert_eq!(config.retention.age_max, Duration::from_secs(7 * 24 * 3600));
        assert_eq!(config.flush.interval, Duration::from_millis(1_500));
        let error = serde_json::from_str::<StoreConfig>(r#"{"flush":{"interval":"soon"}}"#).unwrap_err();
        assert!(error.to_string().contains("soon"), "{error}");
    }

    #[test]
    fn survives_a_round_trip() {
        let mut config = StoreConfig::new("/var/lib/x");
        config.durability = Durability::Relaxed;
        config.flush.interval = Duration::from_millis(1_500);
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<StoreConfig>(&text).unwrap(), config);
    }
}
