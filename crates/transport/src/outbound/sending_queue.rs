//! `sending_queue` of the OTLP exporters.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use throughline_pipeline::{BatchSettings, SettingsError, duration};

/// `sending_queue`. The write-ahead log is the queue: it is always on, always durable, and its
/// size is the store's to bound; what is left to set is how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendingQueueSettings {
    /// Must stay true.
    pub enabled: bool,
    /// Sends at once.
    pub num_consumers: usize,
    /// Requests that may be read ahead of the first that is not done with. The queue itself is
    /// the log, and the store bounds it.
    pub queue_size: usize,
    /// Accepted: only requests are counted.
    pub sizer: String,
    /// Accepted: the log is always on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Accepted: receivers refuse retryably instead.
    pub block_on_overflow: bool,
    /// Accepted: an acknowledgement never waits for a destination.
    pub wait_for_result: bool,
    /// How requests are gathered into sends; takes the place of the `batch` processor's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<QueueBatchSettings>,
}

impl Default for SendingQueueSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: "requests".to_owned(),
            storage: None,
            block_on_overflow: false,
            wait_for_result: false,
            batch: None,
        }
    }
}

/// `sending_queue.batch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueBatchSettings {
    /// Send what is gathered after this long.
    #[serde(with = "duration")]
    pub flush_timeout: Duration,
    /// Send when this many items are gathered.
    pub min_size: u64,
    /// Accepted: a request is never split.
    pub max_size: u64,
    /// Only `items`.
    pub sizer: String,
}

impl Default for QueueBatchSettings {
    fn default() -> Self {
        Self {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: "items".to_owned(),
        }
    }
}

impl SendingQueueSettings {
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        if !self.enabled {
            let message = "cannot be false: the write-ahead log is the queue, and it is always there";
            return Err(SettingsError::new("sending_queue.enabled", message));
        }
        if self.num_consumers == 0 || self.num_consumers > 1000 {
            return Err(SettingsError::new("sending_queue.num_consumers", "must be 1 to 1000"));
        }
        if self.batch.as_ref().is_some_and(|batch| batch.sizer != "items") {
            return Err(SettingsError::new("sending_queue.batch.sizer", "only items is supported"));
        }
        Ok(())
    }

    /// How requests are gathered: as set here, or else as the pipeline's `batch` processor says.
    #[must_use]
    pub fn gathering(&self, processor: BatchSettings) -> BatchSettings {
        match &self.batch {
            None => processor,
            Some(batch) => BatchSettings {
                send_batch_size: batch.min_size,
                timeout: batch.flush_timeout,
                send_batch_max_size: batch.max_size,
                ..BatchSettings::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_hold_are_refused_by_key() {
        let queue = SendingQueueSettings { enabled: false, ..SendingQueueSettings::default() };
        assert_eq!(queue.validate().unwrap_err().key, "sending_queue.enabled");
    }

    #[test]
    fn gathers_as_the_queue_says_else_as_the_batch_processor_says() {
        let processor = BatchSettings { send_batch_size: 1024, ..BatchSettings::default() };
        let mut queue = SendingQueueSettings::default();
        assert_eq!(queue.gathering(processor.clone()).send_batch_size, 1024);
        queue.batch = Some(QueueBatchSettings { min_size: 7, ..QueueBatchSettings::default() });
        assert_eq!(queue.gathering(processor).send_batch_size, 7);
    }
}
