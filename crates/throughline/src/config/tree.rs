//! The typed configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use throughline_model::Signal;
use throughline_pipeline::duration;
use throughline_store::StoreConfig;

use super::components::{self, ComponentId, Exporter, Extension, Processor, Receiver};
use super::de::from_node;
use super::error::{ConfigError, Position, unknown};
use super::node::{Key, Node, NodeValue};

/// A whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Receivers by id, as written.
    pub receivers: BTreeMap<ComponentId, Receiver>,
    /// Processors by id.
    pub processors: BTreeMap<ComponentId, Processor>,
    /// Exporters by id.
    pub exporters: BTreeMap<ComponentId, Exporter>,
    /// Extensions that `service.extensions` starts.
    pub extensions: BTreeMap<ComponentId, Extension>,
    /// Pipelines by name.
    pub pipelines: BTreeMap<String, PipelineConfig>,
    /// The embedded database.
    pub storage: StoreConfig,
    /// Limits of queries.
    pub query: QueryConfig,
    /// Where the UI and the APIs listen.
    pub server: ServerConfig,
    /// The tree the rest was read from.
    pub(super) source: Node,
}

/// One pipeline.
#[derive(Debug, Clone)]
pub struct PipelineConfig {
    /// What runs through it.
    pub signal: Signal,
    /// Receivers that feed it.
    pub receivers: Vec<ComponentId>,
    /// Processors in order.
    pub processors: Vec<ComponentId>,
    /// Where it ends.
    pub exporters: Vec<ComponentId>,
}

/// Limits that every query has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryConfig {
    /// Longest time a query may take. Default 30 s.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Most bytes of columns it may read. Default 8 GiB.
    pub bytes_max: u64,
    /// Most rows it may look at. Default 2,000,000,000.
    pub rows_max: u64,
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), bytes_max: 8 << 30, rows_max: 2_000_000_000 }
    }
}

/// Where the UI and the query APIs listen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Web UI, native API and every foreign API under a prefix. Default `127.0.0.1:3001`.
    pub endpoint: String,
    /// Tempo's API where its clients expect it; empty for none. Default `127.0.0.1:3200`.
    pub tempo_endpoint: String,
    /// Jaeger's API likewise. Default `127.0.0.1:16686`.
    pub jaeger_endpoint: String,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:3001".to_owned(),
            tempo_endpoint: "127.0.0.1:3200".to_owned(),
            jaeger_endpoint: "127.0.0.1:16686".to_owned(),
        }
    }
}

const SECTIONS: &[&str] = &[
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
    "service",
    "storage",
    "query",
    "server",
];

pub(super) fn read(root: &Node) -> Result<Config, ConfigError> {
    for (key, _) in root.mapping()? {
        if !SECTIONS.contains(&key.text.as_str()) {
            return Err(ConfigError::at(
                key.position,
                unknown("section", &key.text, SECTIONS.iter().copied()),
            ));
        }
    }
    let nothing = Node { position: root.position, value: NodeValue::Mapping(Vec::new()) };
    let section = |name: &str| get(root, name).unwrap_or(&nothing);
    if let Some((key, _)) = section("connectors").mapping()?.first() {
        let message = format!("connector {:?}: throughline has no connectors yet", key.text);
        return Err(ConfigError::at(key.position, message));
    }
    let receivers = components(section("receivers"), components::receiver)?;
    let processors = components(section("processors"), components::processor)?;
    let exporters = components(section("exporters"), components::exporter)?;
    let extensions = components(section("extensions"), components::extension)?;
    let service = section("service");
    let started = started_extensions(service, &extensions)?;
    let pipelines = pipelines(service, &receivers, &processors, &exporters)?;
    Ok(Config {
        receivers,
        processors,
        exporters,
        extensions: extensions.into_iter().filter(|(id, _)| started.contains(id)).collect(),
        pipelines,
        storage: from_node(section("storage"))?,
        query: from_node(section("query"))?,
        server: from_node(section("server"))?,
        source: root.clone(),
    })
}

fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let entries = node.mapping().ok()?;
    entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn components<T>(
    section: &Node,
    read: impl Fn(&Key, &Node) -> Result<T, ConfigError>,
) -> Result<BTreeMap<ComponentId, T>, ConfigError> {
    let entries = section.mapping()?.iter();
    entries.map(|(key, node)| Ok((ComponentId::parse(&key.text), read(key, node)?))).collect()
}

const SERVICE: &[&str] = &["pipelines", "extensions", "telemetry"];

fn started_extensions(
    service: &Node,
    known: &BTreeMap<ComponentId, Extension>,
) -> Result<Vec<ComponentId>, ConfigError> {
    for (key, _) in service.mapping()? {
        if !SERVICE.contains(&key.text.as_str()) {
            return Err(ConfigError::at(key.position, unknown("key", &key.text, SERVICE.iter().copied())));
        }
    }
    let Some(list) = get(service, "extensions") else { return Ok(Vec::new()) };
    references(list, "extension", known)
}

fn references<T>(
    list: &Node,
    kind: &str,
    known: &BTreeMap<ComponentId, T>,
) -> Result<Vec<ComponentId>, ConfigError> {
    let items = match &list.value {
        NodeValue::Sequence(items) => items.as_slice(),
        _ if list.is_null() => &[],
        _ => return Err(ConfigError::at(list.position, format!("expected a list of {kind}s"))),
    };
    let reference = |item: &Node| match &item.value {
        NodeValue::Scalar { text, .. } => {
            let id = ComponentId::parse(text);
            if known.contains_key(&id) {
                return Ok(id);
            }
            let names: Vec<String> = known.keys().map(ToString::to_string).collect();
            let message = unknown(kind, text, names.iter().map(String::as_str));
            Err(ConfigError::at(item.position, format!("{message} (it must be defined under `{kind}s:`)")))
        }
        _ => Err(ConfigError::at(item.position, format!("expected the name of a {kind}"))),
    };
    items.iter().map(reference).collect()
}

const PIPELINE: &[&str] = &["receivers", "processors", "exporters"];

fn pipelines(
    service: &Node,
    receivers: &BTreeMap<ComponentId, Receiver>,
    processors: &BTreeMap<ComponentId, Processor>,
    exporters: &BTreeMap<ComponentId, Exporter>,
) -> Result<BTreeMap<String, PipelineConfig>, ConfigError> {
    let mut pipelines = BTreeMap::new();
    let Some(section) = get(service, "pipelines") else {
        return Err(ConfigError::at(service.position, "service.pipelines is missing: nothing would run"));
    };
    for (key, node) in section.mapping()? {
        let id = ComponentId::parse(&key.text);
        let names = Signal::ALL.map(Signal::name);
        let signal = Signal::from_name(&id.kind)
            .ok_or_else(|| ConfigError::at(key.position, unknown("signal", &id.kind, names.into_iter())))?;
        for (entry, _) in node.mapping()? {
            if !PIPELINE.contains(&entry.text.as_str()) {
                return Err(ConfigError::at(
                    entry.position,
                    unknown("key", &entry.text, PIPELINE.iter().copied()),
                ));
            }
        }
        let empty = Node { position: key.position, value: NodeValue::Sequence(Vec::new()) };
        let list = |name| get(node, name).unwrap_or(&empty);
        let pipeline = PipelineConfig {
            signal,
            receivers: references(list("receivers"), "receiver", receivers)?,
            processors: references(list("processors"), "processor", processors)?,
            exporters: references(list("exporters"), "exporter", exporters)?,
        };
        needs(&pipeline.receivers, "receiver", key.position)?;
        needs(&pipeline.exporters, "exporter", key.position)?;
        pipelines.insert(id.to_string(), pipeline);
    }
    if pipelines.is_empty() {
        return Err(ConfigError::at(section.position, "service.pipelines is empty: nothing would run"));
    }
    Ok(pipelines)
}

fn needs(list: &[ComponentId], kind: &str, position: Position) -> Result<(), ConfigError> {
    if list.is_empty() {
        return Err(ConfigError::at(position, format!("a pipeline needs at least one {kind}")));
    }
    Ok(())
}
