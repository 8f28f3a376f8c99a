//! The sections of the exporters `otlp` (`otlp_grpc`) and `otlphttp` (`otlp_http`), key for key
//! as in the Collector.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use throughline_pipeline::{BatchSettings, SettingsError, duration};

use super::retry::RetrySettings;

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip, fastest level.
    #[default]
    Gzip,
    /// zstd, level 1.
    Zstd,
    /// Not at all.
    #[serde(alias = "")]
    None,
}

/// Transport security towards the destination. Only plain connections can be made so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientTls {
    /// Plain connections.
    pub insecure: bool,
    /// Not yet.
    pub insecure_skip_verify: bool,
    /// Not yet.
    pub ca_file: String,
    /// Not yet.
    pub cert_file: String,
    /// Not yet.
    pub key_file: String,
    /// Not yet.
    pub server_name_override: String,
}

/// Pings on idle connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientKeepalive {
    /// Ping after this long without traffic.
    #[serde(with = "duration")]
    pub time: Duration,
    /// Connect anew when the ping is not answered within this.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Ping while no request is under way, too.
    pub permit_without_stream: bool,
}

impl Default for ClientKeepalive {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), timeout: Duration::from_secs(10), permit_without_stream: false }
    }
}

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

/// The exporter `otlp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpGrpcSettings {
    /// `host:port`, with or without `http://`.
    pub endpoint: String,
    /// Must be `insecure: true`, unless the endpoint starts with `http://`.
    pub tls: ClientTls,
    /// Sent with each request.
    pub headers: BTreeMap<String, String>,
    /// How messages are compressed.
    pub compression: Compression,
    /// How long a send may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// When to try again.
    pub retry_on_failure: RetrySettings,
    /// How the log is read.
    pub sending_queue: SendingQueueSettings,
    /// Pings.
    pub keepalive: ClientKeepalive,
    /// Accepted: one connection carries all sends.
    pub balancer_name: String,
    /// Accepted: a send waits for its connection within its timeout.
    pub wait_for_ready: bool,
    /// Not yet: refused unless empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<serde_json::Value>,
}

impl Default for OtlpGrpcSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: ClientTls::default(),
            headers: BTreeMap::new(),
            compression: Compression::Gzip,
            timeout: Duration::from_secs(5),
            retry_on_failure: RetrySettings::default(),
            sending_queue: SendingQueueSettings::default(),
            keepalive: ClientKeepalive::default(),
            balancer_name: String::new(),
            wait_for_ready: false,
            auth: None,
        }
    }
}

/// How the body of an HTTP send is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadEncoding {
    /// Protobuf.
    #[default]
    Proto,
    /// JSON; requests are then sent one by one.
    Json,
}

/// The exporter `otlphttp`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpHttpSettings {
    /// Base URL; `/v1/traces` and so on are appended.
    pub endpoint: String,
    /// Whole URL of traces, in place of `endpoint`.
    pub traces_endpoint: String,
    /// Whole URL of metrics, in place of `endpoint`.
    pub metrics_endpoint: String,
    /// Whole URL of logs, in place of `endpoint`.
    pub logs_endpoint: String,
    /// Protobuf or JSON.
    pub encoding: PayloadEncoding,
    /// Must not ask for more than plain connections.
    pub tls: ClientTls,
    /// Sent with each request.
    pub headers: BTreeMap<String, String>,
    /// How bodies are compressed.
    pub compression: Compression,
    /// How long a send may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// When to try again.
    pub retry_on_failure: RetrySettings,
    /// How the log is read.
    pub sending_queue: SendingQueueSettings,
    /// Not yet: refused unless empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<serde_json::Value>,
}

impl Default for OtlpHttpSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            encoding: PayloadEncoding::Proto,
            tls: ClientTls::default(),
            headers: BTreeMap::new(),
            compression: Compression::Gzip,
            timeout: Duration::from_secs(30),
            retry_on_failure: RetrySettings::default(),
            sending_queue: SendingQueueSettings::default(),
            auth: None,
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

    /// How requests are gathered: as set here, else as the pipeline's `batch` processor says, else
    /// each on its own.
    #[must_use]
    pub fn gathering(&self, processor: Option<&BatchSettings>) -> BatchSettings {
        match (&self.batch, processor) {
            (Some(batch), _) => BatchSettings {
                send_batch_size: batch.min_size,
                timeout: batch.flush_timeout,
                send_batch_max_size: batch.max_size,
                ..BatchSettings::default()
            },
            (None, Some(processor)) => processor.clone(),
            (None, None) => {
                BatchSettings { send_batch_size: 1, timeout: Duration::ZERO, ..BatchSettings::default() }
            }
        }
    }
}

impl ClientTls {
    /// Refuses every setting that would silently do nothing.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let files = [
            ("tls.ca_file", &self.ca_file),
            ("tls.cert_file", &self.cert_file),
            ("tls.key_file", &self.key_file),
            ("tls.server_name_override", &self.server_name_override),
        ];
        let set = files.into_iter().find(|(_, value)| !value.is_empty()).map(|(key, _)| key);
        match set.or(self.insecure_skip_verify.then_some("tls.insecure_skip_verify")) {
            Some(key) => Err(SettingsError::new(key, NO_TLS)),
            None => Ok(()),
        }
    }
}

pub(super) const NO_TLS: &str = "TLS towards a destination is not supported yet; set tls.insecure: true and put a proxy between, if it needs TLS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collector_settings_load() {
        let grpc: OtlpGrpcSettings = serde_yaml_ng::from_str(
            "endpoint: tempo:4317
tls: {insecure: true}
headers: {x-scope-orgid: shop}
compression: none
timeout: 10s
retry_on_failure: {enabled: true, initial_interval: 1s, max_elapsed_time: 0s}
sending_queue: {enabled: true, num_consumers: 2, queue_size: 5000, storage: file_storage/q}",
        )
        .unwrap();
        assert_eq!((grpc.compression, grpc.timeout), (Compression::None, Duration::from_secs(10)));
        assert_eq!(grpc.sending_queue.validate(), Ok(()));
        let http: OtlpHttpSettings =
            serde_yaml_ng::from_str("{endpoint: 'http://a:4318', encoding: json, compression: zstd}")
                .unwrap();
        assert_eq!((http.encoding, http.compression), (PayloadEncoding::Json, Compression::Zstd));
    }

    #[test]
    fn names_what_is_unknown_or_not_there_yet() {
        let unknown = serde_yaml_ng::from_str::<OtlpGrpcSettings>("endpont: x").unwrap_err();
        assert!(unknown.to_string().contains("endpont"));
        let tls: ClientTls = serde_yaml_ng::from_str("{ca_file: /ca.pem}").unwrap();
        assert_eq!(tls.validate().unwrap_err().key, "tls.ca_file");
        let queue = SendingQueueSettings { enabled: false, ..SendingQueueSettings::default() };
        assert_eq!(queue.validate().unwrap_err().key, "sending_queue.enabled");
    }

    #[test]
    fn gathers_as_the_queue_says_else_as_the_batch_processor_says_else_not() {
        let processor = BatchSettings { send_batch_size: 1024, ..BatchSettings::default() };
        let mut queue = SendingQueueSettings::default();
        assert_eq!(queue.gathering(None).send_batch_size, 1);
        assert_eq!(queue.gathering(Some(&processor)).send_batch_size, 1024);
        queue.batch = Some(QueueBatchSettings { min_size: 7, ..QueueBatchSettings::default() });
        assert_eq!(queue.gathering(Some(&processor)).send_batch_size, 7);
    }
}
