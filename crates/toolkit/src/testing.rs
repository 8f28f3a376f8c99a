//! An OTLP sink in the process, and assertions about traces that read like sentences.
