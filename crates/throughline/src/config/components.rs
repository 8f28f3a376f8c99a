//! The components a configuration may name, their aliases, and those of the Collector that we lack.

use std::fmt;

use throughline_pipeline::{BatchSettings, MemoryLimiterSettings, ResourceSettings};
use throughline_transport::inbound::OtlpReceiverSettings;
use throughline_transport::outbound::{DebugSettings, OtlpGrpcSettings, OtlpHttpSettings};

use super::de::from_node;
use super::error::{ConfigError, unknown};
use super::node::{Key, Node};

/// A component's `type[/name]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId {
    /// The type, as written.
    pub kind: String,
    /// The name after the slash.
    pub name: Option<String>,
}

impl ComponentId {
    /// Splits `type/name`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('/') {
            None => Self { kind: text.trim().to_owned(), name: None },
            Some((kind, name)) => Self { kind: kind.trim().to_owned(), name: Some(name.trim().to_owned()) },
        }
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.name.as_ref().map_or(Ok(()), |name| write!(f, "/{name}"))
    }
}

/// A configured receiver.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// OTLP over gRPC and HTTP.
    Otlp(OtlpReceiverSettings),
}

/// A configured processor.
#[derive(Debug, Clone)]
pub enum Processor {
    /// Refuses before memory runs out.
    MemoryLimiter(MemoryLimiterSettings),
    /// Changes resource attributes.
    Resource(ResourceSettings),
    /// How exporters group what they send.
    Batch(BatchSettings),
}

/// A configured exporter.
#[derive(Debug, Clone)]
pub enum Exporter {
    /// The built-in database.
    Store,
    /// OTLP over gRPC.
    OtlpGrpc(OtlpGrpcSettings),
    /// OTLP over HTTP.
    OtlpHttp(OtlpHttpSettings),
    /// Prints to the log.
    Debug(DebugSettings),
}

/// A configured extension.
#[derive(Debug, Clone)]
pub enum Extension {
    /// A health endpoint of its own, as the Collector's.
    HealthCheck {
        /// Where it listens.
        endpoint: String,
    },
    /// Accepted because the log already does what it is for (`file_storage`).
    BuiltIn,
}

#[derive(Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HealthCheckSettings {
    endpoint: String,
    path: String,
}

impl Default for HealthCheckSettings {
    fn default() -> Self {
        Self { endpoint: "127.0.0.1:13133".to_owned(), path: "/".to_owned() }
    }
}

/// Settings without keys.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoSettings {}

const RECEIVERS: &[&str] = &["otlp"];
const PROCESSORS: &[&str] = &["memory_limiter", "resource", "batch"];
const EXPORTERS: &[&str] = &["store", "otlp", "otlp_grpc", "otlphttp", "otlp_http", "debug", "logging"];
const EXTENSIONS: &[&str] = &["health_check", "healthcheckv2", "file_storage"];

/// Components of the Collector and its contrib distribution that are not here.
const LACKING: &[&str] = &[
    "attributes",
    "awsxray",
    "basicauth",
    "bearertokenauth",
    "clickhouse",
    "count",
    "cumulativetodelta",
    "cumulative_to_delta",
    "elasticsearch",
    "file",
    "filelog",
    "file_log",
    "filter",
    "fluentforward",
    "forward",
    "groupbyattrs",
    "groupbytrace",
    "hostmetrics",
    "host_metrics",
    "jaeger",
    "journald",
    "k8sattributes",
    "k8s_attributes",
    "k8s_cluster",
    "kafka",
    "kafkametrics",
    "kubeletstats",
    "loadbalancing",
    "loki",
    "metricstransform",
    "nop",
    "oauth2client",
    "opencensus",
    "otelarrow",
    "otlpjsonfile",
    "pprof",
    "probabilistic_sampler",
    "prometheus",
    "prometheusremotewrite",
    "prometheus_remote_write",
    "redaction",
    "redis",
    "resourcedetection",
    "resource_detection",
    "routing",
    "servicegraph",
    "service_graph",
    "spanmetrics",
    "span_metrics",
    "splunk_hec",
    "statsd",
    "syslog",
    "tail_sampling",
    "tcplog",
    "transform",
    "zipkin",
    "zpages",
];

fn refuse(kind: &str, key: &Key, known: &[&str]) -> ConfigError {
    let id = ComponentId::parse(&key.text);
    let message = if LACKING.contains(&id.kind.as_str()) {
        format!(
            "{kind} {:?} is an OpenTelemetry Collector component that throughline does not have; {kind}s here: {}",
            id.kind,
            known.join(", ")
        )
    } else {
        unknown(kind, &id.kind, known.iter().copied())
    };
    ConfigError::at(key.position, message)
}

fn checked<T, E: fmt::Display>(node: &Node, settings: T, check: Result<(), E>) -> Result<T, ConfigError> {
    check.map(|()| settings).map_err(|error| ConfigError::at(node.position, error.to_string()))
}

pub(super) fn receiver(key: &Key, node: &Node) -> Result<Receiver, ConfigError> {
    match ComponentId::parse(&key.text).kind.as_str() {
        "otlp" => Ok(Receiver::Otlp(from_node(node)?)),
        _ => Err(refuse("receiver", key, RECEIVERS)),
    }
}

pub(super) fn processor(key: &Key, node: &Node) -> Result<Processor, ConfigError> {
    match ComponentId::parse(&key.text).kind.as_str() {
        "memory_limiter" => {
            let settings: MemoryLimiterSettings = from_node(node)?;
            let check = settings.validate();
            Ok(Processor::MemoryLimiter(checked(node, settings, check)?))
        }
        "resource" => {
            let settings: ResourceSettings = from_node(node)?;
            let check = settings.validate();
            Ok(Processor::Resource(checked(node, settings, check)?))
        }
        "batch" => {
            let settings: BatchSettings = from_node(node)?;
            let check = settings.validate();
            Ok(Processor::Batch(checked(node, settings, check)?))
        }
        _ => Err(refuse("processor", key, PROCESSORS)),
    }
}

pub(super) fn exporter(key: &Key, node: &Node) -> Result<Exporter, ConfigError> {
    Ok(match ComponentId::parse(&key.text).kind.as_str() {
        "store" => {
            from_node::<NoSettings>(node)?;
            Exporter::Store
        }
        "otlp" | "otlp_grpc" => {
            let settings: OtlpGrpcSettings = from_node(node)?;
            let check = settings.validate();
            Exporter::OtlpGrpc(checked(node, settings, check)?)
        }
        "otlphttp" | "otlp_http" => {
            let settings: OtlpHttpSettings = from_node(node)?;
            let check = settings.validate();
            Exporter::OtlpHttp(checked(node, settings, check)?)
        }
        "debug" | "logging" => Exporter::Debug(from_node(node)?),
        _ => return Err(refuse("exporter", key, EXPORTERS)),
    })
}

pub(super) fn extension(key: &Key, node: &Node) -> Result<Extension, ConfigError> {
    match ComponentId::parse(&key.text).kind.as_str() {
        "health_check" | "healthcheckv2" => {
            let settings: HealthCheckSettings = from_node(node)?;
            Ok(Extension::HealthCheck { endpoint: settings.endpoint })
        }
        "file_storage" => Ok(Extension::BuiltIn),
        _ => Err(refuse("extension", key, EXTENSIONS)),
    }
}
