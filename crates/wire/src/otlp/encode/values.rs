//! `AnyValue`, `KeyValue`, resources and scopes.

use throughline_model::{Resource, Scope, Value};

use crate::protobuf::Writer;

/// Writes attributes as a repeated `KeyValue` field.
pub(super) fn write_attributes(writer: &mut Writer, field: u32, attributes: &[(String, Value)]) {
    for (key, value) in attributes {
        let entry = writer.open(field);
        writer.string(1, key);
        let any = writer.open(2);
        write_value(writer, value);
        writer.close(any);
        writer.close(entry);
    }
}

/// Writes what is inside an `AnyValue`.
pub(super) fn write_value(writer: &mut Writer, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(text) => writer.string(1, text),
        Value::Bool(truth) => writer.varint(2, (*truth).into()),
        Value::Int(number) => writer.varint(3, *number as u64),
        Value::Double(number) => writer.double(4, *number),
        Value::Array(values) => {
            let list = writer.open(5);
            for value in values {
                let any = writer.open(1);
                write_value(writer, value);
                writer.close(any);
            }
            writer.close(list);
        }
        Value::Map(entries) => {
            let list = writer.open(6);
            write_attributes(writer, 1, entries);
            writer.close(list);
        }
        Value::Bytes(bytes) => writer.bytes(7, bytes),
    }
}

/// Writes the `resource` field of `ResourceSpans` and its siblings.
pub(super) fn write_resource(writer: &mut Writer, resource: &Resource) {
    let message = writer.open(1);
    write_attributes(writer, 1, &resource.attributes);
    writer.varint_nonzero(2, resource.dropped_attributes_count.into());
    for entity in &resource.entity_refs {
        let message = writer.open(3);
        writer.string(1, &entity.schema_url);
        writer.string(2, &entity.kind);
        entity.id_keys.iter().for_each(|key| writer.string(3, key));
        entity.description_keys.iter().for_each(|key| writer.string(4, key));
        writer.close(message);
    }
    writer.close(message);
}

/// Writes the `scope` field of `ScopeSpans` and its siblings.
pub(super) fn write_scope(writer: &mut Writer, scope: &Scope) {
    let message = writer.open(1);
    writer.string_nonempty(1, &scope.name);
    writer.string_nonempty(2, &scope.version);
    write_attributes(writer, 3, &scope.attributes);
    writer.varint_nonzero(4, scope.dropped_attributes_count.into());
    writer.close(message);
}
