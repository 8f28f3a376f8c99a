//! Who emits the telemetry: resource attributes.

use opentelemetry::KeyValue;

use super::read::percent_decoded;
use super::{CodeSettings, Reader};

pub(super) struct Resolved {
    pub(super) service_name: String,
    pub(super) attributes: Vec<KeyValue>,
}

pub(super) fn resolve(read: &mut Reader<'_>, code: &CodeSettings) -> Resolved {
    let mut list: Vec<(String, String)> = vec![
        ("telemetry.sdk.language".into(), "rust".into()),
        ("telemetry.sdk.name".into(), "opentelemetry".into()),
        ("telemetry.sdk.version".into(), SDK_VERSION.into()),
        ("telemetry.distro.name".into(), "throughline-toolkit".into()),
        ("telemetry.distro.version".into(), env!("CARGO_PKG_VERSION").into()),
        ("service.instance.id".into(), crate::ids::instance()),
    ];
    if let Some(host) = host_name(read) {
        list.push(("host.name".into(), host));
    }
    if let Some(version) = &code.version {
        list.push(("service.version".into(), version.clone()));
    }
    #[cfg(feature = "process")]
    if let Some(time) = crate::process::creation_time() {
        list.push(("process.creation.time".into(), time));
    }
    for (key, value) in &code.attributes {
        put(&mut list, key, value.clone());
    }
    let service = read.text("TRACING_SERVICE_NAME");
    let service = service.or_else(|| code.config.service_name.clone()).or_else(|| code.service.clone());
    put(&mut list, "service.name", service.unwrap_or_else(|| "unknown-service".to_owned()));
    for (key, value) in from_variable(read) {
        put(&mut list, &key, value);
    }
    if let Some(name) = read.text("OTEL_SERVICE_NAME") {
        put(&mut list, "service.name", name);
    }
    let service_name = list.iter().find(|(k, _)| k == "service.name").map(|(_, v)| v.clone());
    let mut attributes: Vec<KeyValue> =
        list.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
    attributes.push(KeyValue::new("process.pid", i64::from(std::process::id())));
    Resolved { service_name: service_name.unwrap_or_default(), attributes }
}

/// The OpenTelemetry release whose data model is emitted.
const SDK_VERSION: &str = "0.33.1";

/// `OTEL_RESOURCE_ATTRIBUTES`: wholly discarded when any part is malformed.
fn from_variable(read: &mut Reader<'_>) -> Vec<(String, String)> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let Some(text) = read.text(name) else { return Vec::new() };
    let mut pairs = Vec::new();
    for member in text.split(',').filter(|m| !m.trim().is_empty()) {
        match member.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                pairs.push((percent_decoded(key.trim()), percent_decoded(value.trim())));
            }
            _ => {
                read.warn(name, format!("`{member}` is not key=value; the whole list is ignored"));
                return Vec::new();
            }
        }
    }
    pairs
}

fn put(list: &mut Vec<(String, String)>, key: &str, value: String) {
    match list.iter_mut().find(|(k, _)| k == key) {
        Some(entry) => entry.1 = value,
        None => list.push((key.to_owned(), value)),
    }
}

fn host_name(read: &Reader<'_>) -> Option<String> {
    let file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = file().or_else(|| read.text("HOSTNAME"))?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
