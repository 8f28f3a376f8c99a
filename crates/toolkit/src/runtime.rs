//! Metrics of the tokio runtime.
