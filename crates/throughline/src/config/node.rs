//! YAML as a tree in which every value knows its position.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::error::{ConfigError, Position};

/// Deepest nesting of a configuration.
const DEPTH_MAX: usize = 64;
/// Most values in a configuration, aliases expanded.
const NODES_MAX: usize = 100_000;

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub position: Position,
    pub value: NodeValue,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// A plain scalar (typed by its looks) or a quoted one (always text).
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    /// Keys in order, each with its own position.
    Mapping(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub position: Position,
    pub text: String,
}

impl Node {
    /// Whether it is YAML's null: nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The entries of a mapping; none for null.
    pub fn mapping(&self) -> Result<&[(Key, Self)], ConfigError> {
        match &self.value {
            NodeValue::Mapping(entries) => Ok(entries),
            _ if self.is_null() => Ok(&[]),
            _ => Err(ConfigError::at(self.position, "expected a mapping of keys to values")),
        }
    }
}

/// Parses one document.
pub fn parse(text: &str) -> Result<Node, ConfigError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd => {
                return Ok(Node {
                    position: Position { line: 1, column: 1 },
                    value: NodeValue::Mapping(Vec::new()),
                });
            }
            event => {
                let node = reader.node(event, span, 0)?;
                return reader.only(node);
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

fn position(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), ConfigError> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let marker = error.marker();
                let position = Position { line: marker.line(), column: marker.col() + 1 };
                Err(ConfigError::at(position, format!("not YAML: {}", error.info())))
            }
            None => Err(ConfigError::new("the document ends too early")),
        }
    }

    fn only(&mut self, node: Node) -> Result<Node, ConfigError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => return Ok(node),
                _ => return Err(ConfigError::at(position(span), "more than one YAML document")),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, ConfigError> {
        let position = position(span);
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > NODES_MAX {
            return Err(ConfigError::at(position, "nested too deep or too large"));
        }
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                (anchor, NodeValue::Scalar { text: text.into_owned(), plain })
            }
            Event::SequenceStart(anchor, _) => (anchor, NodeValue::Sequence(self.sequence(depth)?)),
            Event::MappingStart(anchor, _) => (anchor, NodeValue::Mapping(self.mapping(depth)?)),
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let known = known.ok_or_else(|| ConfigError::at(position, "alias of an unknown anchor"))?;
                self.nodes += size(&known);
                return Ok(Node { position, ..known });
            }
            _ => return Err(ConfigError::at(position, "expected a value")),
        };
        let node = Node { position, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Node>, ConfigError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, ConfigError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span, depth + 1)?;
            let NodeValue::Scalar { text, .. } = key.value else {
                return Err(ConfigError::at(key.position, "a key must be text"));
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if text == "<<" {
                merged.extend_from_slice(value.mapping()?);
                continue;
            }
            if entries.iter().any(|(known, _)| known.text == text) {
                return Err(ConfigError::at(key.position, format!("key {text:?} is given twice")));
            }
            entries.push((Key { position: key.position, text }, value));
        }
        for (key, value) in merged {
            if !entries.iter().any(|(known, _)| known.text == key.text) {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        NodeValue::Scalar { .. } => 0,
        NodeValue::Sequence(items) => items.iter().map(size).sum(),
        NodeValue::Mapping(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
    }
}
