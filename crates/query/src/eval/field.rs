//! What a field of a span holds.

use throughline_lang::traceql::{AttributeScope, FieldRef, Intrinsic, Kind, Status};
use throughline_model::{Attributes, Event, Link, Span, SpanId, TraceId, Value};

use super::datum::Datum;
use crate::trace::Trace;

/// A span within its trace, with the event and the link that conditions are bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) trace: &'a Trace,
    pub(super) span: &'a Span,
    pub(super) index: usize,
    pub(super) event: Option<&'a Event>,
    pub(super) link: Option<&'a Link>,
}

pub(super) fn field<'a>(field: &FieldRef, place: &Place<'a>) -> Datum<'a> {
    match field {
        FieldRef::Attribute { parent: true, .. } => Datum::Missing,
        FieldRef::Attribute { scope, name, .. } => attribute(*scope, name, place),
        FieldRef::Intrinsic(name) => intrinsic(*name, place),
    }
}

fn attribute<'a>(scope: AttributeScope, key: &str, place: &Place<'a>) -> Datum<'a> {
    let span = place.span;
    let value = match scope {
        AttributeScope::Span => get(&span.attributes, key),
        AttributeScope::Resource => get(&span.resource.attributes, key),
        AttributeScope::Any => get(&span.attributes, key).or_else(|| get(&span.resource.attributes, key)),
        AttributeScope::Instrumentation => get(&span.scope.attributes, key),
        AttributeScope::Event => place.event.and_then(|event| get(&event.attributes, key)),
        AttributeScope::Link => place.link.and_then(|link| get(&link.attributes, key)),
    };
    value.map_or(Datum::Missing, Datum::of)
}

fn get<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a Value> {
    attributes.iter().find(|(have, _)| have == key).map(|(_, value)| value)
}

fn intrinsic<'a>(name: Intrinsic, place: &Place<'a>) -> Datum<'a> {
    let Place { trace, span, index, event, link } = *place;
    let node = trace.nodes.get(index);
    match name {
        Intrinsic::Duration => Datum::Duration(span.duration_ns),
        Intrinsic::Name => Datum::Text(&span.name),
        Intrinsic::Status => Datum::Status(Status::from_code(span.status_code)),
        Intrinsic::StatusMessage => Datum::Text(&span.status_message),
        Intrinsic::Kind => Datum::Kind(Kind::from_code(span.kind)),
        Intrinsic::SpanId => span_id(span.span_id),
        Intrinsic::ParentId => span.parent_span_id.map_or(Datum::Missing, span_id),
        Intrinsic::TraceId => trace_id(span.trace_id),
        Intrinsic::TraceDuration => Datum::Duration(trace.duration_ns()),
        Intrinsic::RootName => root(trace).map_or(Datum::Missing, |root| Datum::Text(&root.name)),
        Intrinsic::RootService => {
            root(trace).map_or(Datum::Missing, |root| Datum::Text(root.resource.service_name()))
        }
        Intrinsic::ChildCount => node.map_or(Datum::Missing, |node| Datum::Int(node.children.into())),
        Intrinsic::NestedSetLeft => node.map_or(Datum::Missing, |node| Datum::Int(node.nested_left)),
        Intrinsic::NestedSetRight => node.map_or(Datum::Missing, |node| Datum::Int(node.nested_right)),
        Intrinsic::NestedSetParent => nested_parent(trace, index).map_or(Datum::Missing, Datum::Int),
        Intrinsic::EventName => event.map_or(Datum::Missing, |event| Datum::Text(&event.name)),
        Intrinsic::EventTimeSinceStart => {
            event.map_or(Datum::Missing, |event| Datum::Duration(event.time_ns.wrapping_sub(span.start_ns)))
        }
        Intrinsic::LinkTraceId => link.map_or(Datum::Missing, |link| trace_id(link.trace_id)),
        Intrinsic::LinkSpanId => link.map_or(Datum::Missing, |link| span_id(link.span_id)),
        Intrinsic::InstrumentationName => non_empty(&span.scope.name),
        Intrinsic::InstrumentationVersion => non_empty(&span.scope.version),
        Intrinsic::Parent => Datum::Missing,
    }
}

/// -1 at a root, 0 where the parent is missing.
fn nested_parent(trace: &Trace, index: usize) -> Option<i64> {
    let node = trace.nodes.get(index)?;
    match node.parent {
        Some(parent) => trace.nodes.get(parent).map(|parent| parent.nested_left),
        None => Some(if node.orphan { 0 } else { -1 }),
    }
}

fn root(trace: &Trace) -> Option<&Span> {
    trace.root().and_then(|root| trace.spans.get(root))
}

fn non_empty(text: &str) -> Datum<'_> {
    if text.is_empty() { Datum::Missing } else { Datum::Text(text) }
}

fn span_id<'a>(id: SpanId) -> Datum<'a> {
    Datum::Id(u64::from_be_bytes(id.0).into(), 16)
}

fn trace_id<'a>(id: TraceId) -> Datum<'a> {
    Datum::Id(u128::from_be_bytes(id.0), 32)
}
