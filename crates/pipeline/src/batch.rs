//! The `batch` processor's settings.
//!
//! In a Collector this processor answers OK and only then collects items into batches, so that a
//! crash loses what was acknowledged. Here an OK means durable, and grouping happens where it
//! cannot weaken that: one fsync covers every request that waits for it, the store gathers rows
//! for about a second before they freeze, and exporters read the log and gather requests of one
//! pipeline and tenant into one send of up to `send_batch_size` items, waiting at most `timeout`.
//! So `batch` in a pipeline sets how its exporters send, and nothing else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{SettingsError, duration};

/// How exporters gather requests into sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchSettings {
    /// Send when this many items are gathered.
    pub send_batch_size: u64,
    /// Send what is gathered after this long.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Never gather beyond this many items; 0 is no bound beyond `send_batch_size`. A single
    /// request is never split.
    pub send_batch_max_size: u64,
    /// Accepted: sends are always kept apart by tenant.
    pub metadata_keys: Vec<String>,
    /// Accepted: see `metadata_keys`.
    pub metadata_cardinality_limit: u64,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            send_batch_size: 8192,
            timeout: Duration::from_millis(200),
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl BatchSettings {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// A maximum below the size to send at.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
            let message = format!("must be 0 or at least send_batch_size ({})", self.send_batch_size);
            return Err(SettingsError::new("send_batch_max_size", message));
        }
        Ok(())
    }

    /// The number of items at which a send starts.
    #[must_use]
    pub fn items_max(&self) -> u64 {
        self.send_batch_size.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_founding_configuration_loads() {
        let settings: BatchSettings =
            serde_yaml_ng::from_str("{timeout: 5s, send_batch_size: 1024}").unwrap();
        assert_eq!((settings.timeout, settings.send_batch_size), (Duration::from_secs(5), 1024));
        assert_eq!(settings.validate(), Ok(()));
    }

    #[test]
    fn refuses_a_maximum_below_the_size() {
        let settings = BatchSettings { send_batch_max_size: 10, ..BatchSettings::default() };
        assert_eq!(settings.validate().unwrap_err().key, "send_batch_max_size");
    }
}
