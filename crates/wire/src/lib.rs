//! Bytes to batches and back: OTLP over protobuf and JSON. No sockets, no I/O.
//!
//! [`otlp::decode`] walks an export request straight into the Arrow columns of
//! [`throughline_model::schema`], without building message objects; the encoders in [`otlp`]
//! write the same requests back from a batch. [`protobuf`] is the reader and writer under both,
//! and serves other protobuf protocols too.
//!
//! Malformed input is a [`otlp::DecodeError`] that names the field and the byte; a well-formed
//! item that cannot be kept (a span without a trace id) is counted, the rest of the request is
//! kept.

pub mod otlp;
pub mod protobuf;
