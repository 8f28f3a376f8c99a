//! OTLP's JSON encoding, by translation to and from protobuf.
//!
//! One table of OTLP's messages ([`schema`]) drives both directions, so JSON and protobuf cannot
//! disagree: a JSON request becomes protobuf ([`to_protobuf`]) and takes the same walk into
//! columns; what the protobuf encoders write becomes JSON ([`from_protobuf`]).
//!
//! Reading follows the OTLP specification: ids are hexadecimal of any case, field names
//! lowerCamelCase only, unknown fields and nulls ignored, 64-bit integers strings or numbers,
//! `bytesValue` base64 of either alphabet with or without padding. Beyond it, enumerations are
//! taken by name as well as by number (Tempo and `protojson` write names). Writing gives numbers.
//! JSON of more than 128 levels is refused, which is about 40 levels of nested values.

mod read;
pub(crate) mod schema;
mod write;

pub(crate) use read::to_protobuf;
pub(crate) use write::{Style, from_protobuf};

#[cfg(test)]
mod tests;
