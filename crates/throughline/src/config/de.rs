//! Reading typed settings out of [`Node`]s through serde, keeping positions in errors.

use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};

use super::error::{ConfigError, Position};
use super::node::{Key, Node, NodeValue};

/// Reads a component's settings; nothing given means its defaults.
pub fn from_node<T: DeserializeOwned>(node: &Node) -> Result<T, ConfigError> {
    T::deserialize(NodeDeserializer(node))
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'a>(&'a Node);

impl<'a> NodeDeserializer<'a> {
    fn text(self) -> Option<&'a str> {
        match &self.0.value {
            NodeValue::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    fn located<T>(self, result: Result<T, ConfigError>) -> Result<T, ConfigError> {
        result.map_err(|error| error.or_at(self.0.position))
    }
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        let result = match &self.0.value {
            _ if self.0.is_null() => visitor.visit_unit(),
            NodeValue::Scalar { text, plain: true } => scalar(text, visitor),
            NodeValue::Scalar { text, .. } => visitor.visit_str(text),
            NodeValue::Sequence(items) => visitor.visit_seq(Items { items: items.iter() }),
            NodeValue::Mapping(entries) => {
                visitor.visit_map(Entries { entries: entries.iter(), under_way: None })
            }
        };
        self.located(result)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        self.deserialize_map(visitor)
    }

    // `receivers: {otlp: }` is the component with its defaults.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        if self.0.is_null() {
            return self.located(visitor.visit_map(Entries { entries: [].iter(), under_way: None }));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.text() {
            Some(text) if !self.0.is_null() => self.located(visitor.visit_str(text)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        match self.text() {
            Some(text) => self.located(visitor.visit_enum(text.into_deserializer())),
            None => Err(ConfigError::at(self.0.position, "expected one word")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct identifier ignored_any
    }
}

/// A plain scalar by its looks, as YAML's core schema has it.
fn scalar<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, ConfigError> {
    match text {
        "true" | "True" | "TRUE" => return visitor.visit_bool(true),
        "false" | "False" | "FALSE" => return visitor.visit_bool(false),
        _ => {}
    }
    let grouped = text.contains('_').then(|| text.replace('_', ""));
    let digits = grouped.as_deref().unwrap_or(text);
    if let Ok(number) = digits.parse::<u64>() {
        return visitor.visit_u64(number);
    }
    if let Ok(number) = digits.parse::<i64>() {
        return visitor.visit_i64(number);
    }
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(number) if numeric => visitor.visit_f64(number),
        _ => visitor.visit_str(text),
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = ConfigError;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConfigError> {
        self.items.next().map(|item| seed.deserialize(NodeDeserializer(item))).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    under_way: Option<(Position, &'a Node)>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = ConfigError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ConfigError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.under_way = Some((key.position, value));
        let key_deserializer: de::value::StrDeserializer<'_, ConfigError> =
            key.text.as_str().into_deserializer();
        seed.deserialize(key_deserializer).map(Some).map_err(|error| error.or_at(key.position))
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ConfigError> {
        let Some((position, value)) = self.under_way.take() else {
            return Err(ConfigError::new("a value was read before its key"));
        };
        seed.deserialize(NodeDeserializer(value)).map_err(|error| error.or_at(position))
    }
}
