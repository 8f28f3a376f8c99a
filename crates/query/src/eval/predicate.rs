//! Running a compiled expression on one span.

use throughline_lang::traceql::{AttributeScope, BinaryOp, FieldExpr, FieldRef, Intrinsic, Literal};

use super::compile::{Node, compile};
use super::datum::{Datum, hex};
use super::field::{Place, field};
use super::number::{arithmetic, compare, elements};
use crate::Result;
use crate::trace::Trace;

/// A condition on one span, made ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Predicate {
    root: Node,
    events: bool,
    links: bool,
}

impl Predicate {
    /// Makes a checked predicate ready to run.
    ///
    /// # Errors
    /// A regular expression that does not compile; a checked query has none.
    pub(crate) fn of(expression: &FieldExpr) -> Result<Self> {
        compile(expression).map(Self::new)
    }

    pub(super) fn new(root: Node) -> Self {
        let (mut events, mut links) = (false, false);
        root.for_each_field(false, &mut |field| {
            events |= is_of_event(field);
            links |= is_of_link(field);
        });
        Self { root, events, links }
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// Whether the condition holds for a span: for some one event and some one link, or without.
    pub(crate) fn holds(&self, trace: &Trace, span: usize) -> bool {
        let Some(row) = trace.spans.get(span) else {
            return false;
        };
        let event_places = if self.events { row.events.len() } else { 0 };
        let link_places = if self.links { row.links.len() } else { 0 };
        // Index 0 stands for "no event" and "no link".
        (0..=event_places).any(|event| {
            (0..=link_places).any(|link| {
                let place = Place {
                    trace,
                    span: row,
                    index: span,
                    event: event.checked_sub(1).and_then(|index| row.events.get(index)),
                    link: link.checked_sub(1).and_then(|index| row.links.get(index)),
                };
                value(&self.root, &place).is_true()
            })
        })
    }
}

pub(super) fn is_of_event(field: &FieldRef) -> bool {
    matches!(
        field,
        FieldRef::Intrinsic(Intrinsic::EventName | Intrinsic::EventTimeSinceStart)
            | FieldRef::Attribute { scope: AttributeScope::Event, .. }
    )
}

pub(super) fn is_of_link(field: &FieldRef) -> bool {
    matches!(
        field,
        FieldRef::Intrinsic(Intrinsic::LinkTraceId | Intrinsic::LinkSpanId)
            | FieldRef::Attribute { scope: AttributeScope::Link, .. }
    )
}

/// What a compiled expression gives for a span, one of its events and one of its links.
pub(super) fn value<'a>(node: &'a Node, place: &Place<'a>) -> Datum<'a> {
    match node {
        Node::Literal(literal) => Datum::of_literal(literal),
        Node::Field(reference) => field(reference, place),
        Node::All(parts) => Datum::Bool(parts.iter().all(|part| value(part, place).is_true())),
        Node::Any(parts) => Datum::Bool(parts.iter().any(|part| value(part, place).is_true())),
        Node::Not(inner) => Datum::Bool(!inner.holds(place.trace, place.index)),
        Node::Invert(inner) => match value(inner, place) {
            datum @ (Datum::Bool(_) | Datum::Array(_)) => Datum::Bool(datum.is(false)),
            _ => Datum::Missing,
        },
        Node::Negate(inner) => negate(&value(inner, place)),
        Node::Exists(inner) => Datum::Bool(value(inner, place) != Datum::Missing),
        Node::Compare(op, left, right) => Datum::Bool(compare_nodes(*op, left, right, place)),
        Node::Regex { negated, text, pattern } => {
            let op = if *negated { BinaryOp::NotRegex } else { BinaryOp::Regex };
            let matches = |text: &str| pattern.is_match(text) != *negated;
            let one = |datum: &Datum<'_>| match datum {
                Datum::Text(text) => matches(text),
                Datum::Id(id, digits) => matches(&hex(*id, *digits)),
                _ => false,
            };
            Datum::Bool(match value(text, place) {
                Datum::Array(items) => elements(op, items, one),
                datum => one(&datum),
            })
        }
        Node::Arithmetic(op, left, right) => arithmetic(*op, &value(left, place), &value(right, place)),
    }
}

/// Ids are compared as numbers with what is written in the query only; with another field they
/// are text like any other.
fn compare_nodes(op: BinaryOp, left: &Node, right: &Node, place: &Place<'_>) -> bool {
    let written = |node: &Node| matches!(node, Node::Literal(Literal::String(_)));
    let (left_value, right_value) = (value(left, place), value(right, place));
    let plain = match (&left_value, &right_value) {
        (Datum::Id(..), Datum::Text(_) | Datum::Array(_)) => !written(right),
        (Datum::Text(_) | Datum::Array(_), Datum::Id(..)) => !written(left),
        _ => false,
    };
    if !plain {
        return compare(op, &left_value, &right_value);
    }
    let text = |datum: &Datum<'_>| match datum {
        Datum::Id(id, digits) => Some(hex(*id, *digits)),
        _ => None,
    };
    let (left_text, right_text) = (text(&left_value), text(&right_value));
    let left = left_text.as_deref().map_or(left_value, Datum::Text);
    let right = right_text.as_deref().map_or(right_value, Datum::Text);
    compare(op, &left, &right)
}

fn negate<'a>(datum: &Datum<'_>) -> Datum<'a> {
    match datum {
        Datum::Int(number) => number.checked_neg().map_or(Datum::Missing, Datum::Int),
        Datum::Duration(nanos) => nanos.checked_neg().map_or(Datum::Missing, Datum::Duration),
        Datum::Float(number) => Datum::Float(-number),
        _ => Datum::Missing,
    }
}
