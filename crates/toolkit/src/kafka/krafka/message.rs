//! Messages of `krafka`, as the rest of [`crate::kafka`] sees them.

use ::krafka::Headers as ClientHeaders;
use ::krafka::consumer::{ConsumerRecord, TimestampType};

use crate::kafka::{Consumed, Record, Timestamp};

impl Consumed for ConsumerRecord {
    type Headers = ClientHeaders;

    fn as_record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: Some(self.partition),
            offset: Some(self.offset),
            key: self.key.as_deref(),
            size: self.value.as_ref().map(|value| value.len()),
            timestamp: match self.timestamp_type {
                _ if self.timestamp < 0 => Timestamp::Unknown,
                TimestampType::CreateTime => Timestamp::Created(self.timestamp),
                TimestampType::LogAppendTime => Timestamp::Appended(self.timestamp),
                _ => Timestamp::Unknown,
            },
        }
    }

    fn record_headers(&self) -> Option<&ClientHeaders> {
        Some(&self.headers)
    }
}
