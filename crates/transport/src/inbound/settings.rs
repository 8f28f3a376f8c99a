//! The `otlp` receiver's section, key for key as in the Collector.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use throughline_pipeline::{SettingsError, duration};

use super::CorsSettings;

/// `receivers.otlp`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpReceiverSettings {
    /// Which protocols to listen for; a protocol that is named without settings takes the defaults.
    pub protocols: Protocols,
}

/// `receivers.otlp.protocols`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protocols {
    /// OTLP over gRPC.
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcSettings>,
    /// OTLP over HTTP, protobuf and JSON.
    #[serde(deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSettings>,
}

/// A key without a value means: with the defaults.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}

/// `protocols.grpc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GrpcSettings {
    /// Address to listen on.
    pub endpoint: String,
    /// Only `tcp`.
    pub transport: String,
    /// Largest message, also after decompression; 0 is 64.
    pub max_recv_msg_size_mib: u64,
    /// Requests at once on one connection; 0 is 256.
    pub max_concurrent_streams: u32,
    /// Pings, and how long a connection lives.
    pub keepalive: KeepaliveSettings,
    /// Accepted: the tenant header is always read, other metadata is not kept.
    pub include_metadata: bool,
    /// Accepted: buffers are sized by need.
    pub read_buffer_size: u64,
    /// Accepted: buffers are sized by need.
    pub write_buffer_size: u64,
    /// Not yet: refused unless empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<serde_json::Value>,
    /// Not yet: refused unless empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<serde_json::Value>,
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4317".to_owned(),
            transport: "tcp".to_owned(),
            max_recv_msg_size_mib: 0,
            max_concurrent_streams: 0,
            keepalive: KeepaliveSettings::default(),
            include_metadata: false,
            read_buffer_size: 0,
            write_buffer_size: 0,
            tls: None,
            auth: None,
        }
    }
}

/// `protocols.grpc.keepalive`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepaliveSettings {
    /// What the server does.
    pub server_parameters: ServerParameters,
}

/// `protocols.grpc.keepalive.server_parameters`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerParameters {
    /// Ping a silent connection after this long.
    #[serde(with = "duration")]
    pub time: Duration,
    /// Close it when the ping is not answered within this.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Ask clients to connect anew after this long; 0 is never.
    #[serde(with = "duration")]
    pub max_connection_age: Duration,
}

impl Default for ServerParameters {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
            max_connection_age: Duration::ZERO,
        }
    }
}

/// `protocols.http`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Address to listen on.
    pub endpoint: String,
    /// Which web pages may send; none unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsSettings>,
    /// Largest body in bytes, also after decompression; 0 is 64 MiB.
    pub max_request_body_size: u64,
    /// Path of traces.
    pub traces_url_path: String,
    /// Path of metrics.
    pub metrics_url_path: String,
    /// Path of logs.
    pub logs_url_path: String,
    /// Accepted: the tenant header is always read, other headers are not kept.
    pub include_metadata: bool,
    /// Not yet: refused unless empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<serde_json::Value>,
    /// Not yet: refused unless empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<serde_json::Value>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            endpoint: "localhost:4318".to_owned(),
            cors: None,
            max_request_body_size: 0,
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
            include_metadata: false,
            tls: None,
            auth: None,
        }
    }
}

/// What OTLP 1.11 recommends.
const BODY_BYTES_MAX: usize = 64 << 20;

impl OtlpReceiverSettings {
    /// Both protocols on loopback, open to web pages that are served from this machine: what
    /// listens when there is no configuration.
    #[must_use]
    pub fn built_in() -> Self {
        let http = HttpSettings { cors: Some(CorsSettings::this_machine()), ..HttpSettings::default() };
        Self { protocols: Protocols { grpc: Some(GrpcSettings::default()), http: Some(http) } }
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// No protocol, a section that is not there yet, or a value out of bounds.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.protocols.grpc.is_none() && self.protocols.http.is_none() {
            return Err(SettingsError::new("protocols", "must name grpc, http or both"));
        }
        if let Some(grpc) = &self.protocols.grpc {
            grpc.validate()?;
        }
        self.protocols.http.as_ref().map_or(Ok(()), HttpSettings::validate)
    }
}

impl GrpcSettings {
    fn validate(&self) -> Result<(), SettingsError> {
        not_yet("protocols.grpc.tls", self.tls.as_ref(), "TLS for receivers")?;
        not_yet("protocols.grpc.auth", self.auth.as_ref(), "authentication")?;
        if self.transport != "tcp" {
            return Err(SettingsError::new("protocols.grpc.transport", "only tcp is supported"));
        }
        // Columns have 32-bit offsets.
        if self.max_recv_msg_size_mib > 256 {
            return Err(SettingsError::new("protocols.grpc.max_recv_msg_size_mib", "must be 256 at most"));
        }
        Ok(())
    }

    pub(super) fn message_bytes_max(&self) -> usize {
        match usize::try_from(self.max_recv_msg_size_mib) {
            Ok(0) | Err(_) => BODY_BYTES_MAX,
            Ok(mib) => mib << 20,
        }
    }
}

impl HttpSettings {
    fn validate(&self) -> Result<(), SettingsError> {
        not_yet("protocols.http.tls", self.tls.as_ref(), "TLS for receivers")?;
        not_yet("protocols.http.auth", self.auth.as_ref(), "authentication")?;
        if self.max_request_body_size > 256 << 20 {
            return Err(SettingsError::new(
                "protocols.http.max_request_body_size",
                "must be 268435456 at most",
            ));
        }
        for (key, path) in [
            ("protocols.http.traces_url_path", &self.traces_url_path),
            ("protocols.http.metrics_url_path", &self.metrics_url_path),
            ("protocols.http.logs_url_path", &self.logs_url_path),
        ] {
            if !path.starts_with('/') {
                return Err(SettingsError::new(key, "must start with /"));
            }
        }
        self.cors.as_ref().map_or(Ok(()), CorsSettings::validate)
    }

    pub(super) fn body_bytes_max(&self) -> usize {
        match usize::try_from(self.max_request_body_size) {
            Ok(0) | Err(_) => BODY_BYTES_MAX,
            Ok(bytes) => bytes,
        }
    }
}

fn not_yet(key: &'static str, value: Option<&serde_json::Value>, what: &str) -> Result<(), SettingsError> {
    match value {
        Some(value) if !value.is_null() => Err(SettingsError::new(
            key,
            format!("{what} is not supported yet; put a proxy in front and leave this out"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<OtlpReceiverSettings, String> {
        let settings: OtlpReceiverSettings = serde_yaml_ng::from_str(yaml).map_err(|e| e.to_string())?;
        settings.validate().map(|()| settings).map_err(|e| e.to_string())
    }

    #[test]
    fn a_bare_protocol_takes_the_defaults_and_an_absent_one_is_off() {
        let settings = parse("protocols: {grpc: }").unwrap();
        assert_eq!(settings.protocols.grpc, Some(GrpcSettings::default()));
        assert_eq!(settings.protocols.http, None);
    }

    #[test]
    fn collector_settings_load() {
        let settings = parse(
            "protocols:
              grpc: {endpoint: '0.0.0.0:4317', max_recv_msg_size_mib: 16, include_metadata: true}
              http:
                endpoint: 0.0.0.0:4318
                max_request_body_size: 1048576
                cors: {allowed_origins: ['*'], allowed_headers: ['*'], max_age: 7200}",
        )
        .unwrap();
        assert_eq!(settings.protocols.grpc.unwrap().message_bytes_max(), 16 << 20);
        assert_eq!(settings.protocols.http.unwrap().body_bytes_max(), 1 << 20);
    }

    #[test]
    fn names_what_is_wrong() {
        for (yaml, text) in [
            ("protocols: {}", "protocols: must name"),
            ("protocols: {grpc: {endpont: x}}", "endpont"),
            (
                "protocols: {grpc: {tls: {cert_file: x}}}",
                "protocols.grpc.tls: TLS for receivers is not supported yet",
            ),
            ("protocols: {http: {traces_url_path: x}}", "traces_url_path: must start with /"),
            ("protocols: {http: {max_request_body_size: 999999999999}}", "max_request_body_size"),
        ] {
            let error = parse(yaml).unwrap_err();
            assert!(error.contains(text), "{yaml}: {error}");
        }
    }
}
