//! The OTLP exporter of each signal: `OTEL_EXPORTER_OTLP_*`, plain or with the signal's name.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::read::percent_decoded;
use super::{CodeSettings, Reader};
use crate::error::Reason;

/// A kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(crate) fn upper(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }

    fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "v1/traces",
            Self::Metrics => "v1/metrics",
            Self::Logs => "v1/logs",
        }
    }

    fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }
}

/// `OTEL_EXPORTER_OTLP_PROTOCOL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    HttpProtobuf,
    HttpJson,
    Grpc,
}

/// `OTEL_EXPORTER_OTLP_COMPRESSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Files for TLS: `OTEL_EXPORTER_OTLP_{CERTIFICATE,CLIENT_KEY,CLIENT_CERTIFICATE}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
}

/// How one signal reaches the collector.
#[derive(Debug, Clone)]
pub(crate) struct OtlpSettings {
    pub(crate) protocol: Protocol,
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) compression: Compression,
    /// Limit of one attempt.
    pub(crate) timeout: Duration,
    pub(crate) tls: TlsFiles,
}

impl OtlpSettings {
    pub(super) fn resolve(
        read: &mut Reader<'_>,
        signal: Signal,
        code: &CodeSettings,
    ) -> Result<Self, Reason> {
        let names = |what: &str| {
            [format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.upper()), format!("OTEL_EXPORTER_OTLP_{what}")]
        };
        let address = address(read, signal, code);
        let protocol = protocol(read, &names("PROTOCOL"), &address);
        let insecure = names("INSECURE");
        let insecure = insecure.iter().find_map(|name| read.boolean(name));
        let url = url(read, signal, protocol, &address, insecure.unwrap_or(false))?;
        let file = |what: &str| either(read, &names(what)).map(|(_, v)| PathBuf::from(v));
        let tls = TlsFiles {
            certificate: file("CERTIFICATE"),
            client_key: file("CLIENT_KEY"),
            client_certificate: file("CLIENT_CERTIFICATE"),
        };
        Ok(Self {
            protocol,
            url,
            headers: headers(read, &names("HEADERS")),
            compression: compression(read, &names("COMPRESSION")),
            timeout: names("TIMEOUT").iter().find_map(|n| read.milliseconds(n)).unwrap_or(TIMEOUT),
            tls,
        })
    }
}

const TIMEOUT: Duration = Duration::from_secs(10);

fn either(read: &Reader<'_>, names: &[String; 2]) -> Option<(String, String)> {
    let [own, general] = names;
    read.first(&[own, general])
}

/// Where an address was given, and whether the signal's path must be added to it.
struct Address {
    name: String,
    text: Option<String>,
    is_base: bool,
    from_environment: bool,
    /// An address without a scheme means plain text, not TLS.
    plain: bool,
}

fn address(read: &Reader<'_>, signal: Signal, code: &CodeSettings) -> Address {
    let given = |name: String, text: String, is_base: bool, port: bool, env: bool| Address {
        name,
        text: Some(text),
        is_base,
        from_environment: env,
        plain: port,
    };
    let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.upper());
    if let Some(text) = read.text(&own) {
        return given(own, text, false, false, true);
    }
    for (name, port) in [("OTEL_EXPORTER_OTLP_ENDPOINT", false), ("TRACING_COLLECTOR_URL", true)] {
        if let Some(text) = read.text(name) {
            return given(name.to_owned(), text, true, port, true);
        }
    }
    if let Some(text) = &code.config.collector_url {
        return given("tracing.collector_url".to_owned(), text.clone(), true, true, false);
    }
    if let Some(text) = &code.endpoint {
        return given("endpoint".to_owned(), text.clone(), true, true, false);
    }
    let name = "default".to_owned();
    Address { name, text: None, is_base: true, from_environment: true, plain: false }
}

fn protocol(read: &mut Reader<'_>, names: &[String; 2], address: &Address) -> Protocol {
    let by_port = address.text.as_deref().and_then(port_of) == Some(4317);
    // 4317 is the registered port of OTLP over gRPC: plain HTTP would never be answered there.
    let default = if by_port { Protocol::Grpc } else { Protocol::HttpProtobuf };
    let Some((name, text)) = either(read, names) else { return default };
    match text.as_str() {
        "grpc" => Protocol::Grpc,
        "http/protobuf" => Protocol::HttpProtobuf,
        "http/json" => Protocol::HttpJson,
        other => {
            read.warn(&name, format!("unknown protocol `{other}`"));
            default
        }
    }
}

fn port_of(text: &str) -> Option<u16> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    authority.split('/').next()?.rsplit_once(':')?.1.parse().ok()
}

fn url(
    read: &mut Reader<'_>,
    signal: Signal,
    protocol: Protocol,
    address: &Address,
    insecure: bool,
) -> Result<Uri, Reason> {
    if let Some(text) = &address.text {
        match full_url(signal, protocol, address, text, insecure) {
            Ok(url) => return Ok(url),
            Err(fault) if address.from_environment => read.warn(&address.name, fault),
            Err(fault) => return Err(Reason::setting(&address.name, fault)),
        }
    }
    let text = if protocol == Protocol::Grpc { "http://localhost:4317" } else { "http://localhost:4318" };
    let default = Address { is_base: true, text: None, ..address_like(address) };
    full_url(signal, protocol, &default, text, true).map_err(|fault| Reason::setting("endpoint", fault))
}

fn address_like(address: &Address) -> Address {
    Address { name: address.name.clone(), text: None, ..*address }
}

fn full_url(
    signal: Signal,
    protocol: Protocol,
    address: &Address,
    text: &str,
    insecure: bool,
) -> Result<Uri, String> {
    let plain = insecure || address.plain;
    let text = match text.split_once("://") {
        Some(("http" | "https", _)) => text.to_owned(),
        Some((scheme, _)) => return Err(format!("`{scheme}` is not http or https")),
        None if plain => format!("http://{text}"),
        None => format!("https://{text}"),
    };
    let uri: Uri = text.parse().map_err(|fault| format!("`{text}` is not an address: {fault}"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("`{text}` names no host"));
    };
    let path = uri.path();
    let full = match protocol {
        Protocol::Grpc => format!("{scheme}://{authority}/{}", signal.grpc_path()),
        _ if address.is_base => {
            format!("{scheme}://{authority}{}/{}", path.trim_end_matches('/'), signal.http_path())
        }
        _ => text.clone(),
    };
    full.parse().map_err(|fault| format!("`{full}` is not an address: {fault}"))
}

/// `key=value` pairs, values percent-encoded. Bad ones are reported and left out.
fn headers(read: &mut Reader<'_>, names: &[String; 2]) -> HeaderMap {
    let mut map = HeaderMap::new();
    let [own, general] = names;
    for name in [general, own] {
        let Some(text) = read.text(name) else { continue };
        for member in text.split(',').filter(|m| !m.trim().is_empty()) {
            let pair = member.split_once('=').and_then(|(key, value)| {
                let key = HeaderName::from_bytes(key.trim().as_bytes()).ok()?;
                let mut value = HeaderValue::from_str(&percent_decoded(value.trim())).ok()?;
                value.set_sensitive(true);
                Some((key, value))
            });
            match pair {
                Some((key, value)) => {
                    map.insert(key, value);
                }
                None => read.warn(name, "a member is not name=value"),
            }
        }
    }
    map
}

fn compression(read: &mut Reader<'_>, names: &[String; 2]) -> Compression {
    let Some((name, text)) = either(read, names) else { return Compression::None };
    match text.as_str() {
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        "none" => Compression::None,
        other => {
            read.warn(&name, format!("unknown compression `{other}`"));
            Compression::None
        }
    }
}
