//! `${env:NAME}`, `${env:NAME:-default}` and `${NAME}` in values, as the Collector expands them.
//!
//! `$$` is a dollar sign. `${1}` and the like pass through (Prometheus relabelling). A value that
//! is nothing but one reference takes the type that the text looks like.

use super::error::ConfigError;
use super::node::{Node, NodeValue};

/// Puts environment values into every scalar of the tree.
pub fn expand(node: &mut Node, environment: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    match &mut node.value {
        NodeValue::Scalar { text, .. } => {
            if text.contains('$') {
                *text = expand_text(text, environment)
                    .map_err(|message| ConfigError::at(node.position, message))?;
            }
        }
        NodeValue::Sequence(items) => {
            for item in items {
                expand(item, environment)?;
            }
        }
        NodeValue::Mapping(entries) => {
            for (_, value) in entries {
                expand(value, environment)?;
            }
        }
    }
    Ok(())
}

fn expand_text(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((reference, after)) =
            after.strip_prefix('{').and_then(|inner| inner.split_once('}'))
        {
            out.push_str(&resolve(reference, environment)?);
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn resolve(reference: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let name = match reference.split_once(':') {
        Some(("env", name)) => name,
        Some((scheme @ ("file" | "http" | "https" | "yaml"), _)) => {
            return Err(format!("${{{scheme}:…}} is not supported; use ${{env:NAME}}"));
        }
        _ => reference,
    };
    let (name, default) = match name.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (name, None),
    };
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(format!("${{{reference}}}"));
    }
    let valid = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !valid {
        return Err(format!("${{{reference}}}: {name:?} is no name of an environment variable"));
    }
    Ok(environment(name)
        .filter(|value| !value.is_empty() || default.is_none())
        .or_else(|| default.map(str::to_owned))
        .unwrap_or_default())
}
