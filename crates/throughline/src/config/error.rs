//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::Path;

/// A place in the configuration text; lines and columns start at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// A configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    position: Option<Position>,
    message: String,
}

impl ConfigError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { file: String::new(), position: None, message: message.into() }
    }

    pub(super) fn at(position: Position, message: impl Into<String>) -> Self {
        Self { file: String::new(), position: Some(position), message: message.into() }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self { file: path.display().to_string(), position: None, message: format!("cannot be read: {error}") }
    }

    /// Says where, unless that is known already.
    pub(super) fn or_at(mut self, position: Position) -> Self {
        self.position.get_or_insert(position);
        self
    }

    pub(super) fn in_file(mut self, file: &str) -> Self {
        file.clone_into(&mut self.file);
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

impl serde::de::Error for ConfigError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(unknown("key", field, expected.iter().copied()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(unknown("value", variant, expected.iter().copied()))
    }
}

/// `unknown key "endpont", did you mean "endpoint"?`
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&name.to_lowercase(), candidate);
    let nearest = known.clone().min_by_key(|candidate| distance(candidate));
    match nearest {
        Some(nearest) if distance(nearest) <= 1 + name.len() / 3 => {
            format!("unknown {what} {name:?}, did you mean {nearest:?}?")
        }
        _ => {
            let known: Vec<&str> = known.collect();
            format!("unknown {what} {name:?}; known: {}", known.join(", "))
        }
    }
}
