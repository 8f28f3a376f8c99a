//! Reading typed values from variables, collecting what was wrong.

use std::fmt::Display;
use std::time::Duration;

use super::Environment;

/// Reads variables; a bad value is noted and counts as unset.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    environment: &'a Environment,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, warnings: Vec::new() }
    }

    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    pub(crate) fn warn(&mut self, name: &str, fault: impl Display) {
        let warning = format!("{name}: {fault}");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.environment.get(name)
    }

    /// The first of several variables that is set.
    pub(crate) fn first(&self, names: &[&str]) -> Option<(String, String)> {
        names.iter().find_map(|name| self.text(name).map(|v| ((*name).to_owned(), v)))
    }

    /// A boolean as the OpenTelemetry specification defines it: only `true` is true.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        let text = self.text(name)?.to_ascii_lowercase();
        if text != "true" && text != "false" {
            self.warn(name, format!("`{text}` is taken as false"));
        }
        Some(text == "true")
    }

    /// A boolean as people write it.
    pub(crate) fn switch(&mut self, name: &str) -> Option<bool> {
        let text = self.text(name)?.to_ascii_lowercase();
        match text.as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => {
                self.warn(name, format!("`{text}` is neither true nor false"));
                None
            }
        }
    }

    pub(crate) fn count(&mut self, name: &str) -> Option<usize> {
        let text = self.text(name)?;
        self.parsed(name, &text, "a whole number")
    }

    pub(crate) fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        self.parsed(name, &text, "a number of milliseconds").map(Duration::from_millis)
    }

    pub(crate) fn ratio(&mut self, name: &str) -> Option<f64> {
        let text = self.text(name)?;
        let value: f64 = self.parsed(name, &text, "a number")?;
        if (0.0..=1.0).contains(&value) {
            return Some(value);
        }
        self.warn(name, format!("{value} is not within 0.0 to 1.0"));
        None
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, text: &str, what: &str) -> Option<T> {
        let value = text.parse().ok();
        if value.is_none() {
            self.warn(name, format!("`{text}` is not {what}"));
        }
        value
    }
}

/// `%XX` decoded; text that does not decode to UTF-8 is kept as it is.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = (byte == b'%').then(|| tail.get(..2)).flatten();
        let value = hex.and_then(|h| std::str::from_utf8(h).ok());
        match value.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(value) => {
                bytes.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
