//! Values of single fields: what `select()` returns and `by()` groups by.

use throughline_lang::traceql::FieldRef;

use super::compile::Node;
use super::datum::Datum;
use super::field::{Place, field};
use super::predicate::{is_of_event, is_of_link, value};
use crate::FieldValue;
use crate::trace::Trace;

/// What a field holds; of an event's or link's field the first that there is.
pub(crate) fn selected(reference: &FieldRef, trace: &Trace, index: usize) -> Option<FieldValue> {
    let node = Node::Field(reference.clone());
    computed(&node, trace, index).into_field_value()
}

fn first<'a>(mut values: impl Iterator<Item = Datum<'a>>) -> Datum<'a> {
    values.find(|value| *value != Datum::Missing).unwrap_or(Datum::Missing)
}

/// What an expression gives for a span; without event or link unless it is a field of one.
pub(crate) fn computed<'a>(node: &'a Node, trace: &'a Trace, index: usize) -> Datum<'a> {
    let Some(span) = trace.spans.get(index) else {
        return Datum::Missing;
    };
    let place = Place { trace, span, index, event: None, link: None };
    match node {
        Node::Field(reference) if is_of_event(reference) => {
            first(span.events.iter().map(|event| field(reference, &Place { event: Some(event), ..place })))
        }
        Node::Field(reference) if is_of_link(reference) => {
            first(span.links.iter().map(|link| field(reference, &Place { link: Some(link), ..place })))
        }
        node => value(node, &place),
    }
}

/// What `by()` puts a span under; `None` is a group too.
pub(crate) fn group_value(node: &Node, trace: &Trace, index: usize) -> Option<FieldValue> {
    computed(node, trace, index).into_field_value()
}
