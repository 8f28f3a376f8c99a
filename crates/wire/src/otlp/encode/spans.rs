//! Spans.

use throughline_model::{Event, Link, Span};

use super::group;
use super::values::write_attributes;
use crate::protobuf::Writer;

pub(super) fn write(rows: &[Span]) -> Vec<u8> {
    group::write(rows, |writer, spans| {
        for span in spans {
            let message = writer.open(2);
            write_span(writer, span);
            writer.close(message);
        }
    })
}

fn write_span(writer: &mut Writer, span: &Span) {
    writer.bytes(1, &span.trace_id.0);
    writer.bytes(2, &span.span_id.0);
    writer.string_nonempty(3, &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        writer.bytes(4, &parent.0);
    }
    writer.string_nonempty(5, &span.name);
    writer.int32_nonzero(6, span.kind);
    writer.fixed64_nonzero(7, span.start_ns as u64);
    writer.fixed64_nonzero(8, span.end_ns() as u64);
    write_attributes(writer, 9, &span.attributes);
    writer.varint_nonzero(10, span.dropped_attributes_count.into());
    for event in &span.events {
        write_event(writer, event);
    }
    writer.varint_nonzero(12, span.dropped_events_count.into());
    for link in &span.links {
        write_link(writer, link);
    }
    writer.varint_nonzero(14, span.dropped_links_count.into());
    if span.status_code != 0 || !span.status_message.is_empty() {
        let status = writer.open(15);
        writer.string_nonempty(2, &span.status_message);
        writer.int32_nonzero(3, span.status_code);
        writer.close(status);
    }
    writer.fixed32_nonzero(16, span.flags);
}

fn write_event(writer: &mut Writer, event: &Event) {
    let message = writer.open(11);
    writer.fixed64_nonzero(1, event.time_ns as u64);
    writer.string_nonempty(2, &event.name);
    write_attributes(writer, 3, &event.attributes);
    writer.varint_nonzero(4, event.dropped_attributes_count.into());
    writer.close(message);
}

fn write_link(writer: &mut Writer, link: &Link) {
    let message = writer.open(13);
    if !link.trace_id.is_zero() {
        writer.bytes(1, &link.trace_id.0);
    }
    if !link.span_id.is_zero() {
        writer.bytes(2, &link.span_id.0);
    }
    writer.string_nonempty(3, &link.trace_state);
    write_attributes(writer, 4, &link.attributes);
    writer.varint_nonzero(5, link.dropped_attributes_count.into());
    writer.fixed32_nonzero(6, link.flags);
    writer.close(message);
}
