//! What a segment says about itself: the key-value metadata of its footer, from which a lost catalog is rebuilt.

use parquet::file::metadata::{KeyValue, ParquetMetaData};
use throughline_model::{Signal, Tenant};

use crate::catalog::FileId;

/// Version of the columns and their meaning.
pub const SCHEMA_VERSION: u32 = 1;
/// A segment with more services than this does not list them.
pub(crate) const SERVICES_MAX: usize = 256;

/// What the footer of a segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentMeta {
    /// Version of the columns and their meaning.
    pub schema_version: u32,
    /// What kind of rows it holds.
    pub signal: Signal,
    /// Whose rows it holds.
    pub tenant: Tenant,
    /// 0: a flush; 1: compacted.
    pub level: u8,
    /// Smallest time of a row (`start_ns` or `time_ns`).
    pub t_min: i64,
    /// Largest time of a row.
    pub t_max: i64,
    /// Number of rows.
    pub rows: u64,
    /// All records of the write-ahead log up to here that belong to the tenant and signal are in this segment or an older one.
    pub wal_position: u64,
    /// When it was written.
    pub created_ns: i64,
    /// Its services in order, unless there are more than 256.
    pub services: Option<Vec<String>>,
    /// The segments whose rows it took over.
    pub replaces: Vec<FileId>,
}

mod key {
    pub(super) const SCHEMA_VERSION: &str = "throughline.schema_version";
    pub(super) const SIGNAL: &str = "throughline.signal";
    pub(super) const TENANT: &str = "throughline.tenant";
    pub(super) const LEVEL: &str = "throughline.level";
    pub(super) const T_MIN: &str = "throughline.t_min";
    pub(super) const T_MAX: &str = "throughline.t_max";
    pub(super) const ROWS: &str = "throughline.rows";
    pub(super) const WAL_POSITION: &str = "throughline.wal_position";
    pub(super) const CREATED_NS: &str = "throughline.created_ns";
    pub(super) const SERVICES: &str = "throughline.services";
    pub(super) const REPLACES: &str = "throughline.replaces";
}

impl SegmentMeta {
    /// The footer's key-value pairs.
    pub(crate) fn key_values(&self) -> Vec<KeyValue> {
        let mut pairs = vec![
            (key::SCHEMA_VERSION, self.schema_version.to_string()),
            (key::SIGNAL, self.signal.name().to_owned()),
            (key::TENANT, self.tenant.as_str().to_owned()),
            (key::LEVEL, self.level.to_string()),
            (key::T_MIN, self.t_min.to_string()),
            (key::T_MAX, self.t_max.to_string()),
            (key::ROWS, self.rows.to_string()),
            (key::WAL_POSITION, self.wal_position.to_string()),
            (key::CREATED_NS, self.created_ns.to_string()),
        ];
        if let Some(services) = &self.services {
            pairs.push((key::SERVICES, serde_json::Value::from(services.clone()).to_string()));
        }
        if !self.replaces.is_empty() {
            let ids: Vec<u64> = self.replaces.iter().map(|id| id.0).collect();
            pairs.push((key::REPLACES, serde_json::Value::from(ids).to_string()));
        }
        pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect()
    }

    /// Reads the pairs back; the error says what is missing or wrong.
    pub(crate) fn read(metadata: &ParquetMetaData) -> Result<Self, String> {
        let pairs = metadata.file_metadata().key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let get =
            |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
        let text = |key: &str| get(key).ok_or_else(|| format!("the footer has no {key}"));
        fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, String> {
            text.parse().map_err(|_| format!("the footer's {key} is no number"))
        }
        let schema_version: u32 = number(key::SCHEMA_VERSION, text(key::SCHEMA_VERSION)?)?;
        if schema_version > SCHEMA_VERSION {
            return Err(format!(
                "schema version {schema_version} is newer than {SCHEMA_VERSION}, the newest one known"
            ));
        }
        let list = |key: &str| {
            get(key)
                .map(serde_json::from_str::<serde_json::Value>)
                .transpose()
                .map_err(|error| format!("the footer's {key}: {error}"))
        };
        let services = list(key::SERVICES)?.and_then(|list| {
            let texts = list.as_array()?.iter();
            texts.map(|text| text.as_str().map(str::to_owned)).collect()
        });
        let replaces = list(key::REPLACES)?
            .and_then(|list| list.as_array()?.iter().map(|id| id.as_u64().map(FileId)).collect());
        Ok(Self {
            schema_version,
            signal: Signal::from_name(text(key::SIGNAL)?).ok_or("the footer names an unknown signal")?,
            tenant: Tenant::new(text(key::TENANT)?).map_err(|error| error.to_string())?,
            level: number(key::LEVEL, text(key::LEVEL)?)?,
            t_min: number(key::T_MIN, text(key::T_MIN)?)?,
            t_max: number(key::T_MAX, text(key::T_MAX)?)?,
            rows: number(key::ROWS, text(key::ROWS)?)?,
            wal_position: number(key::WAL_POSITION, text(key::WAL_POSITION)?)?,
            created_ns: number(key::CREATED_NS, text(key::CREATED_NS)?)?,
            services,
            replaces: replaces.unwrap_or_default(),
        })
    }
}
