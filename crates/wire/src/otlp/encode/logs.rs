//! Log records.

use throughline_model::LogRecord;

use super::group;
use super::values::{write_attributes, write_value};
use crate::protobuf::Writer;

pub(super) fn write(rows: &[LogRecord]) -> Vec<u8> {
    group::write(rows, |writer, records| {
        for record in records {
            let message = writer.open(2);
            write_record(writer, record);
            writer.close(message);
        }
    })
}

fn write_record(writer: &mut Writer, record: &LogRecord) {
    writer.fixed64_nonzero(1, record.time_ns as u64);
    writer.int32_nonzero(2, record.severity_number);
    writer.string_nonempty(3, &record.severity_text);
    if let Some(body) = &record.body {
        let any = writer.open(5);
        write_value(writer, body);
        writer.close(any);
    }
    write_attributes(writer, 6, &record.attributes);
    writer.varint_nonzero(7, record.dropped_attributes_count.into());
    writer.fixed32_nonzero(8, record.flags);
    if let Some(trace_id) = record.trace_id {
        writer.bytes(9, &trace_id.0);
    }
    if let Some(span_id) = record.span_id {
        writer.bytes(10, &span_id.0);
    }
    writer.fixed64_nonzero(11, record.observed_ns as u64);
    writer.string_nonempty(12, &record.event_name);
}
