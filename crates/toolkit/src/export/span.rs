//! Spans in OTLP's wire form.

use super::encode::{Encoder, attributes};
use super::proto;
use crate::layer::span_data::{EventData, LinkData, SpanData};
use crate::propagation::TraceContext;
use crate::{SpanKind, SpanStatus};

/// The parent's or link's origin is known.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

pub(crate) fn add(encoder: &mut Encoder, span: &SpanData) {
    let out = encoder.scope(&span.scope);
    proto::message(out, 2, |out| encode(out, span));
}

fn encode(out: &mut Vec<u8>, span: &SpanData) {
    proto::bytes(out, 1, &span.cx.trace_id.to_bytes());
    proto::bytes(out, 2, &span.cx.span_id.to_bytes());
    proto::bytes(out, 3, span.cx.trace_state().as_bytes());
    if let Some(parent) = span.parent_id {
        proto::bytes(out, 4, &parent.to_bytes());
    }
    proto::bytes(out, 5, span.name.as_bytes());
    proto::uint(out, 6, kind(span.kind));
    proto::fixed64(out, 7, span.start_ns);
    proto::fixed64(out, 8, span.end_ns);
    attributes(out, 9, &span.fields);
    proto::uint(out, 10, u64::from(span.fields.dropped()));
    for event in &span.events {
        proto::message(out, 11, |out| encode_event(out, event));
    }
    proto::uint(out, 12, u64::from(span.dropped_events));
    for link in &span.links {
        proto::message(out, 13, |out| encode_link(out, link));
    }
    proto::uint(out, 14, u64::from(span.dropped_links));
    match &span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => proto::message(out, 15, |out| proto::uint(out, 3, 1)),
        SpanStatus::Error(message) => proto::message(out, 15, |out| {
            proto::bytes(out, 2, message.as_bytes());
            proto::uint(out, 3, 2);
        }),
    }
    let remote = span.parent_id.is_some() && span.parent_is_remote;
    proto::fixed32(out, 16, flags(&span.cx, remote));
}

fn flags(cx: &TraceContext, remote: bool) -> u32 {
    u32::from(cx.flags) | HAS_IS_REMOTE | if remote { IS_REMOTE } else { 0 }
}

fn kind(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn encode_event(out: &mut Vec<u8>, event: &EventData) {
    proto::fixed64(out, 1, event.time_ns);
    proto::bytes(out, 2, event.name.as_bytes());
    attributes(out, 3, &event.fields);
    proto::uint(out, 4, u64::from(event.fields.dropped()));
}

fn encode_link(out: &mut Vec<u8>, link: &LinkData) {
    proto::bytes(out, 1, &link.cx.trace_id.to_bytes());
    proto::bytes(out, 2, &link.cx.span_id.to_bytes());
    proto::bytes(out, 3, link.cx.trace_state().as_bytes());
    attributes(out, 4, &link.fields);
    proto::uint(out, 5, u64::from(link.fields.dropped()));
    proto::fixed32(out, 6, flags(&link.cx, link.cx.remote));
}
