//! The configuration file: an OpenTelemetry Collector configuration plus our sections.
//!
//! Text is parsed into [`node::Node`]s that know their line and column, `${env:NAME:-default}` is
//! put in ([`expand`]), and the typed tree is read through serde ([`de`]), so that an unknown key
//! is refused with its position and the nearest known one.

mod components;
mod de;
mod error;
mod expand;
mod node;
mod print;
mod tree;

use std::path::Path;

pub use components::{ComponentId, Exporter, Extension, Processor, Receiver};
pub use error::ConfigError;
pub use print::print;
pub use tree::{Config, PipelineConfig};

/// What runs when no file is given.
pub const DEFAULT: &str = include_str!("config/default.yaml");

/// Reads the file, or [`DEFAULT`] when there is none.
///
/// # Errors
/// A file that cannot be read, or text that [`parse`] refuses.
pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
    let environment = |name: &str| std::env::var(name).ok();
    match path {
        None => parse(DEFAULT, "built-in configuration", &environment),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
            parse(&text, &path.display().to_string(), &environment)
        }
    }
}

/// Reads configuration text; `file` is named in errors.
///
/// # Errors
/// Text that is no YAML, unknown keys and components, values of the wrong type, pipelines that
/// name components which are not defined.
pub fn parse(
    text: &str,
    file: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let mut root = node::parse(text).map_err(|error| error.in_file(file))?;
    expand::expand(&mut root, environment).map_err(|error| error.in_file(file))?;
    tree::read(&root).map_err(|error| error.in_file(file))
}

#[cfg(test)]
mod tests;
