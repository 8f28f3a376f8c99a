//! The sections of the exporters `otlp` (`otlp_grpc`) and `otlphttp` (`otlp_http`), key for key
//! as in the Collector.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};
use throughline_model::Signal;
use throughline_pipeline::{SettingsError, duration};

use super::endpoint;
use super::retry::RetrySettings;
use super::sending_queue::SendingQueueSettings;

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

impl OtlpGrpcSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Settings that make no sense, or ask for what is not there yet.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.tls.validate()?;
        self.retry_on_failure.validate()?;
        self.sending_queue.validate()?;
        no_authenticator(self.auth.as_ref())?;
        endpoint::headers(&self.headers)?;
        self.base().map(|_| ())
    }

    /// The endpoint, which in a Collector's configuration has no scheme and is TLS unless said.
    pub(super) fn base(&self) -> Result<Uri, SettingsError> {
        let text = self.endpoint.as_str();
        if text.contains("://") {
            return endpoint::url("endpoint", text);
        }
        if text.is_empty() {
            return Err(SettingsError::new("endpoint", "must be set, as host:4317"));
        }
        if !self.tls.insecure {
            return Err(SettingsError::new("tls.insecure", NO_TLS));
        }
        endpoint::url("endpoint", &format!("http://{text}"))
    }
}

impl OtlpHttpSettings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Settings that make no sense, or ask for what is not there yet.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.tls.validate()?;
        self.retry_on_failure.validate()?;
        self.sending_queue.validate()?;
        no_authenticator(self.auth.as_ref())?;
        endpoint::headers(&self.headers)?;
        let urls = Signal::ALL.map(|signal| self.url(signal));
        let mut urls = urls.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter();
        if urls.all(|url| url.is_none()) {
            return Err(SettingsError::new("endpoint", "must be set, as http://host:4318"));
        }
        Ok(())
    }

    /// Where a signal is sent; nowhere when neither it nor the base is set.
    pub(super) fn url(&self, signal: Signal) -> Result<Option<Uri>, SettingsError> {
        let (key, own, path) = match signal {
            Signal::Traces => ("traces_endpoint", &self.traces_endpoint, "/v1/traces"),
            Signal::Metrics => ("metrics_endpoint", &self.metrics_endpoint, "/v1/metrics"),
            Signal::Logs => ("logs_endpoint", &self.logs_endpoint, "/v1/logs"),
        };
        match (own.as_str(), self.endpoint.as_str()) {
            ("", "") => Ok(None),
            ("", base) => {
                endpoint::url("endpoint", &format!("{}{path}", base.trim_end_matches('/'))).map(Some)
            }
            (own, _) => endpoint::url(key, own).map(Some),
        }
    }
}

fn no_authenticator(auth: Option<&serde_json::Value>) -> Result<(), SettingsError> {
    match auth {
        Some(auth) if !auth.is_null() => {
            Err(SettingsError::new("auth", "authenticators are not supported yet; set headers instead"))
        }
        _ => Ok(()),
    }
}

impl ClientTls {
    /// Refuses every setting that would silently do nothing.
    fn validate(&self) -> Result<(), SettingsError> {
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
        assert_eq!(grpc.validate(), Ok(()));
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
    }
}
