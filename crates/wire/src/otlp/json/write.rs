//! Protobuf to JSON, by the table of messages.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use throughline_model::attr_json::write_string;

use super::schema::{Field, Kind, Message};
use crate::protobuf::{Fault, Reader, Tag};

/// Where JSON dialects differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// OTLP: hexadecimal ids, enumerations as numbers.
    Otlp,
    /// `protojson`, as Tempo answers: base64 ids, enumerations by name.
    Protojson,
}

/// Appends the JSON form of a protobuf message.
///
/// # Errors
/// Bytes that are not that message.
pub(crate) fn from_protobuf(
    out: &mut String,
    message: &'static Message,
    bytes: &[u8],
    style: Style,
) -> Result<(), Fault> {
    // Occurrences of fields, ordered by the table; repeated ones stay in their order.
    let mut found: Vec<(usize, Tag, Reader<'_>)> = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some(tag) = reader.tag()? {
        let value = reader;
        reader.skip(tag)?;
        if let Some(at) = message.fields.iter().position(|field| field.number == tag.field()) {
            found.push((at, tag, value));
        }
    }
    found.sort_by_key(|(at, ..)| *at);
    out.push('{');
    let mut first = true;
    for occurrences in found.chunk_by(|a, b| a.0 == b.0) {
        let Some(field) = occurrences.first().and_then(|(at, ..)| message.fields.get(*at)) else { continue };
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        write_string(out, field.name);
        out.push(':');
        write_field(out, field, occurrences, style)?;
    }
    // Readers with generated types want some lists even when they are empty.
    for (at, field) in message.fields.iter().enumerate().filter(|(_, field)| field.always) {
        if !found.iter().any(|(found, ..)| *found == at) {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            write_string(out, field.name);
            out.push_str(":[]");
        }
    }
    out.push('}');
    Ok(())
}

fn write_field(
    out: &mut String,
    field: &Field,
    occurrences: &[(usize, Tag, Reader<'_>)],
    style: Style,
) -> Result<(), Fault> {
    if !field.repeated {
        // The last one counts.
        return match occurrences.last().copied() {
            Some((_, tag, mut value)) => write_value(out, field, tag, &mut value, style),
            None => Ok(()),
        };
    }
    out.push('[');
    for (i, (_, tag, mut value)) in occurrences.iter().copied().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match field.kind {
            Kind::Fixed64 | Kind::Double | Kind::Uint64 if tag.is_len() => {
                write_packed(out, field, tag, &mut value)?
            }
            _ => write_value(out, field, tag, &mut value, style)?,
        }
    }
    out.push(']');
    Ok(())
}

fn write_packed(out: &mut String, field: &Field, tag: Tag, value: &mut Reader<'_>) -> Result<(), Fault> {
    let mut first = true;
    let mut push = |bits: u64| {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        match field.kind {
            Kind::Double => write_double(out, f64::from_bits(bits)),
            _ => quoted(out, bits),
        }
    };
    match field.kind {
        Kind::Uint64 => value.varints(tag, &mut push),
        _ => value.fixed64s(tag, &mut push),
    }
}

fn write_value(
    out: &mut String,
    field: &Field,
    tag: Tag,
    value: &mut Reader<'_>,
    style: Style,
) -> Result<(), Fault> {
    match field.kind {
        Kind::String => write_string(out, value.string(tag)?),
        Kind::Bytes => base64(out, value.bytes(tag)?),
        Kind::Id if style == Style::Protojson => base64(out, value.bytes(tag)?),
        Kind::Id => {
            out.push('"');
            out.push_str(&hex::encode(value.bytes(tag)?));
            out.push('"');
        }
        Kind::Bool => out.push_str(if value.bool(tag)? { "true" } else { "false" }),
        Kind::Int64 => quoted(out, value.varint(tag)? as i64),
        Kind::Uint64 => quoted(out, value.varint(tag)?),
        Kind::Fixed64 => quoted(out, value.fixed64(tag)?),
        Kind::Sfixed64 => quoted(out, value.fixed64(tag)? as i64),
        Kind::Uint32 => plain(out, value.uint32(tag)?),
        Kind::Fixed32 => plain(out, value.fixed32(tag)?),
        Kind::Sint32 => plain(out, value.sint32(tag)?),
        Kind::Double => write_double(out, value.double(tag)?),
        Kind::Enum(names) => {
            let number = value.int32(tag)?;
            let name = usize::try_from(number).ok().and_then(|at| names.get(at));
            match name.filter(|_| style == Style::Protojson) {
                Some(name) => write_string(out, name),
                None => plain(out, number),
            }
        }
        Kind::Message(message) => from_protobuf(out, message, value.bytes(tag)?, style)?,
    }
    Ok(())
}

fn plain(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    write!(out, "{value}").ok();
}

fn quoted(out: &mut String, value: impl std::fmt::Display) {
    write!(out, "\"{value}\"").ok();
}

fn base64(out: &mut String, bytes: &[u8]) {
    out.push('"');
    STANDARD.encode_string(bytes, out);
    out.push('"');
}

fn write_double(out: &mut String, value: f64) {
    if value.is_finite() {
        write!(out, "{value:?}").ok();
    } else if value.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
}
