//! The older formats of `OTEL_PROPAGATORS`: B3 (one and several headers) and Jaeger.

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanId, TraceId};

use super::context::{SAMPLED, TraceContext};

pub(super) fn inject_b3(context: &TraceContext, carrier: &mut dyn Injector) {
    let sampled = u8::from(context.is_sampled());
    carrier.set("b3", format!("{}-{}-{sampled}", context.trace_id, context.span_id));
}

pub(super) fn inject_b3_multi(context: &TraceContext, carrier: &mut dyn Injector) {
    carrier.set("x-b3-traceid", context.trace_id.to_string());
    carrier.set("x-b3-spanid", context.span_id.to_string());
    carrier.set("x-b3-sampled", u8::from(context.is_sampled()).to_string());
}

/// Both B3 forms; the single header wins.
pub(super) fn extract_b3(carrier: &dyn Extractor) -> Option<TraceContext> {
    if let Some(single) = carrier.get("b3") {
        let mut parts = single.split('-');
        let (trace_id, span_id) = (parts.next()?, parts.next()?);
        return context(trace_id, span_id, matches!(parts.next(), Some("1" | "d")));
    }
    let sampled =
        matches!(carrier.get("x-b3-sampled"), Some("1" | "true")) || carrier.get("x-b3-flags") == Some("1");
    context(carrier.get("x-b3-traceid")?, carrier.get("x-b3-spanid")?, sampled)
}

pub(super) fn inject_jaeger(context: &TraceContext, carrier: &mut dyn Injector) {
    let flags = context.flags & SAMPLED;
    carrier.set("uber-trace-id", format!("{}:{}:0:{flags}", context.trace_id, context.span_id));
}

pub(super) fn extract_jaeger(carrier: &dyn Extractor) -> Option<TraceContext> {
    let header = carrier.get("uber-trace-id")?.replace("%3A", ":");
    let mut parts = header.split(':');
    let (trace_id, span_id) = (parts.next()?, parts.next()?);
    let flags = u8::from_str_radix(parts.nth(1)?, 16).ok()?;
    context(trace_id, span_id, flags & SAMPLED != 0)
}

fn context(trace_id: &str, span_id: &str, sampled: bool) -> Option<TraceContext> {
    let short = trace_id.len() <= 32 && span_id.len() <= 16;
    if !short || !trace_id.bytes().chain(span_id.bytes()).all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let context = TraceContext::remote(
        TraceId::from(u128::from_str_radix(trace_id, 16).ok()?),
        SpanId::from(u64::from_str_radix(span_id, 16).ok()?),
        sampled,
    );
    context.is_valid().then_some(context)
}
