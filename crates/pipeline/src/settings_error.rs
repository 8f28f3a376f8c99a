//! A setting that parses but makes no sense.

/// Names the key below the component and what is wrong with its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct SettingsError {
    /// The key, dotted from the component down: `tls.insecure`.
    pub key: &'static str,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl SettingsError {
    /// An error about one key.
    #[must_use]
    pub fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self { key, message: message.into() }
    }
}
