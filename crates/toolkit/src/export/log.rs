//! Log records in OTLP's wire form.

use super::encode::{Encoder, attributes};
use super::proto;
use crate::layer::event::LogData;

pub(crate) fn add(encoder: &mut Encoder, record: &LogData) {
    let out = encoder.scope(&record.target);
    proto::message(out, 2, |out| encode(out, record));
}

fn encode(out: &mut Vec<u8>, record: &LogData) {
    proto::fixed64(out, 1, record.time_ns);
    proto::uint(out, 2, record.severity.number());
    proto::bytes(out, 3, record.severity.as_str().as_bytes());
    if !record.message.is_empty() {
        proto::message(out, 5, |out| proto::bytes_always(out, 1, record.message.as_bytes()));
    }
    attributes(out, 6, &record.fields);
    proto::uint(out, 7, u64::from(record.fields.dropped()));
    if let Some(cx) = &record.cx {
        proto::fixed32(out, 8, u32::from(cx.flags));
        proto::bytes(out, 9, &cx.trace_id.to_bytes());
        proto::bytes(out, 10, &cx.span_id.to_bytes());
    }
    proto::fixed64(out, 11, record.time_ns);
    proto::bytes(out, 12, record.event_name.unwrap_or("").as_bytes());
}
