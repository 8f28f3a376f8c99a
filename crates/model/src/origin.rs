//! Where telemetry comes from: the resource (the process) and the scope (the library).

use crate::attr_json;
use crate::value::{Attributes, Value};

/// The entity that made the telemetry: a service instance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Its attributes, `service.name` among them.
    pub attributes: Attributes,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// Schema of the attributes (the `schema_url` of OTLP's `ResourceSpans` and siblings).
    pub schema_url: String,
    /// The entities that the attributes describe.
    pub entity_refs: Vec<EntityRef>,
}

/// An entity (a host, a pod, a service) that some of a resource's attributes describe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityRef {
    /// Schema of the entity.
    pub schema_url: String,
    /// Its type, as in `host`.
    pub kind: String,
    /// Keys of the attributes that identify it.
    pub id_keys: Vec<String>,
    /// Keys of the attributes that describe it.
    pub description_keys: Vec<String>,
}

/// The instrumentation scope: the library that made the telemetry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Name of the library.
    pub name: String,
    /// Version of the library.
    pub version: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// Schema of what is in the scope (the `schema_url` of OTLP's `ScopeSpans` and siblings).
    pub schema_url: String,
}

// Keys beside the attributes start with `$`, which `attr_json` escapes in attribute maps; in the
// top-level object an attribute named so is kept apart under `$attributes`.
const DROPPED: &str = "$dropped_attributes_count";
const SCHEMA_URL: &str = "$schema_url";
const NAME: &str = "$name";
const VERSION: &str = "$version";
const ESCAPED: &str = "$attributes";
const ENTITY_REFS: &str = "$entity_refs";

impl Resource {
    /// The text that the `resource` column holds: a JSON object of the attributes, with
    /// `$dropped_attributes_count`, `$schema_url` and `$entity_refs` beside them where they are set.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut extra = Vec::new();
        push_origin(&mut extra, self.dropped_attributes_count, &self.schema_url);
        if !self.entity_refs.is_empty() {
            let entities = self.entity_refs.iter().map(EntityRef::to_value).collect();
            extra.push((ENTITY_REFS.to_owned(), Value::Array(entities)));
        }
        write(&self.attributes, extra)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// Text that is no JSON object.
    pub fn from_json(text: &str) -> Result<Self, attr_json::JsonError> {
        let mut resource = Self::default();
        for (key, value) in attr_json::parse_attributes(text)? {
            match (key.as_str(), value) {
                (DROPPED, Value::Int(n)) => resource.dropped_attributes_count = count(n),
                (SCHEMA_URL, Value::String(url)) => resource.schema_url = url,
                (ENTITY_REFS, Value::Array(entities)) => {
                    resource.entity_refs = entities.into_iter().map(EntityRef::from_value).collect();
                }
                (ESCAPED, Value::Map(attributes)) => resource.attributes.extend(attributes),
                (_, value) => resource.attributes.push((key, value)),
            }
        }
        Ok(resource)
    }

    /// The value of `service.name`, or nothing.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.get("service.name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }
}

impl Scope {
    /// The text that the `scope` column holds: a JSON object of the attributes, with `$name`,
    /// `$version`, `$dropped_attributes_count` and `$schema_url` where they are set.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut extra = Vec::new();
        if !self.name.is_empty() {
            extra.push((NAME.to_owned(), Value::from(self.name.as_str())));
        }
        if !self.version.is_empty() {
            extra.push((VERSION.to_owned(), Value::from(self.version.as_str())));
        }
        push_origin(&mut extra, self.dropped_attributes_count, &self.schema_url);
        write(&self.attributes, extra)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// Text that is no JSON object.
    pub fn from_json(text: &str) -> Result<Self, attr_json::JsonError> {
        let mut scope = Self::default();
        for (key, value) in attr_json::parse_attributes(text)? {
            match (key.as_str(), value) {
                (NAME, Value::String(name)) => scope.name = name,
                (VERSION, Value::String(version)) => scope.version = version,
                (DROPPED, Value::Int(n)) => scope.dropped_attributes_count = count(n),
                (SCHEMA_URL, Value::String(url)) => scope.schema_url = url,
                (ESCAPED, Value::Map(attributes)) => scope.attributes.extend(attributes),
                (_, value) => scope.attributes.push((key, value)),
            }
        }
        Ok(scope)
    }
}

impl EntityRef {
    fn to_value(&self) -> Value {
        let texts = |texts: &[String]| Value::Array(texts.iter().map(|text| text.as_str().into()).collect());
        Value::Map(vec![
            ("schema_url".to_owned(), self.schema_url.as_str().into()),
            ("type".to_owned(), self.kind.as_str().into()),
            ("id_keys".to_owned(), texts(&self.id_keys)),
            ("description_keys".to_owned(), texts(&self.description_keys)),
        ])
    }

    fn from_value(value: Value) -> Self {
        let mut entity = Self::default();
        let Value::Map(fields) = value else { return entity };
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("schema_url", Value::String(url)) => entity.schema_url = url,
                ("type", Value::String(kind)) => entity.kind = kind,
                ("id_keys", Value::Array(keys)) => {
                    entity.id_keys = keys.into_iter().filter_map(text).collect()
                }
                ("description_keys", Value::Array(keys)) => {
                    entity.description_keys = keys.into_iter().filter_map(text).collect();
                }
                _ => {}
            }
        }
        entity
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn push_origin(extra: &mut Attributes, dropped: u32, schema_url: &str) {
    if dropped > 0 {
        extra.push((DROPPED.to_owned(), Value::Int(dropped.into())));
    }
    if !schema_url.is_empty() {
        extra.push((SCHEMA_URL.to_owned(), Value::from(schema_url)));
    }
}

fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn write(attributes: &Attributes, extra: Attributes) -> String {
    let (reserved, mut all): (Attributes, Attributes) =
        attributes.iter().cloned().partition(|(key, _)| key.starts_with('$'));
    if !reserved.is_empty() {
        all.push((ESCAPED.to_owned(), Value::Map(reserved)));
    }
    all.extend(extra);
    let mut text = String::new();
    attr_json::write_attributes(&mut text, &all);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_comes_back_equal_even_with_reserved_keys() {
        let resource = Resource {
            attributes: vec![
                ("service.name".into(), "shop".into()),
                ("n".into(), Value::Int(3)),
                ("$schema_url".into(), "mine".into()),
            ],
            dropped_attributes_count: 2,
            schema_url: "https://opentelemetry.io/schemas/1.44.0".into(),
            entity_refs: vec![EntityRef {
                schema_url: "u".into(),
                kind: "service".into(),
                id_keys: vec!["service.name".into()],
                description_keys: Vec::new(),
            }],
        };
        let back = Resource::from_json(&resource.to_json()).unwrap();
        assert_eq!(back, resource);
        assert_eq!(back.service_name(), "shop");
    }

    #[test]
    fn a_scope_comes_back_equal() {
        let scope = Scope {
            name: "lib".into(),
            version: "1".into(),
            attributes: vec![("a".into(), Value::Double(1.0))],
            ..Scope::default()
        };
        assert_eq!(Scope::from_json(&scope.to_json()).unwrap(), scope);
        assert_eq!(Scope::from_json("{}").unwrap(), Scope::default());
    }
}
