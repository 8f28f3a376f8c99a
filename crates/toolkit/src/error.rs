//! Why telemetry could not be started.

use std::fmt;

/// What the caller can do about an [`InitError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting given in code or in a file is wrong: correct it.
    Invalid,
    /// Telemetry or another `tracing` subscriber is already installed in this process.
    AlreadyInstalled,
    /// The process could not give what is needed, such as a thread.
    Unavailable,
}

/// The error of [`crate::init`] and [`crate::TelemetryBuilder::install`].
///
/// A missing or failing collector is never an error here: the service starts and
/// telemetry waits, retries and counts what it had to drop.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct InitError {
    #[from]
    source: Reason,
}

impl InitError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.source {
            Reason::Setting { .. } | Reason::File { .. } | Reason::Tls(_) => ErrorKind::Invalid,
            Reason::AlreadyInstalled => ErrorKind::AlreadyInstalled,
            Reason::Thread(_) => ErrorKind::Unavailable,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    #[error("{name}: {fault}")]
    Setting { name: String, fault: String },
    #[error("cannot read {path}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("TLS settings of the exporter: {0}")]
    Tls(String),
    #[error("a tracing subscriber is already installed in this process")]
    AlreadyInstalled,
    #[error("cannot start the export thread")]
    Thread(#[source] std::io::Error),
}

impl Reason {
    pub(crate) fn setting(name: impl Into<String>, fault: impl fmt::Display) -> Self {
        Self::Setting { name: name.into(), fault: fault.to_string() }
    }
}
