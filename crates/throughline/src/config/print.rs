//! The configuration as it will be used, as YAML: references expanded, comments gone.

use super::node::{Node, NodeValue};
use super::tree::Config;

/// Prints the tree that the configuration was read from.
pub fn print(config: &Config) -> String {
    let mut out = String::new();
    write_node(&mut out, &config.source, 0);
    out
}

fn write_node(out: &mut String, node: &Node, indent: usize) {
    match &node.value {
        NodeValue::Mapping(entries) => {
            for (key, value) in entries {
                out.push_str(&" ".repeat(indent));
                out.push_str(&scalar(&key.text, true));
                out.push(':');
                write_value(out, value, indent);
            }
        }
        NodeValue::Sequence(items) => {
            for item in items {
                out.push_str(&" ".repeat(indent));
                out.push('-');
                write_value(out, item, indent);
            }
        }
        NodeValue::Scalar { text, plain } => {
            out.push_str(&scalar(text, *plain));
            out.push('\n');
        }
    }
}

fn write_value(out: &mut String, value: &Node, indent: usize) {
    match &value.value {
        NodeValue::Scalar { .. } if value.is_null() => out.push('\n'),
        NodeValue::Scalar { .. } => {
            out.push(' ');
            write_node(out, value, 0);
        }
        NodeValue::Mapping(entries) if entries.is_empty() => out.push_str(" {}\n"),
        NodeValue::Sequence(items) if items.is_empty() => out.push_str(" []\n"),
        _ => {
            out.push('\n');
            write_node(out, value, indent + 2);
        }
    }
}

fn scalar(text: &str, plain: bool) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:".contains(c);
    let looks_plain =
        !text.is_empty() && text.chars().all(safe) && !text.ends_with(':') && !text.starts_with('-');
    if plain && looks_plain {
        return text.to_owned();
    }
    // JSON strings are YAML strings.
    serde_json::Value::String(text.to_owned()).to_string()
}
