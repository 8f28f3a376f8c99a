//! Operators between two spansets of one trace.

use throughline_lang::traceql::{Relation, SpansetOp, StructuralMode};

use crate::trace::Trace;

/// The spans that an operator gives; both inputs and the result are ascending.
pub(super) fn join(op: SpansetOp, trace: &Trace, left: &[usize], right: &[usize]) -> Vec<usize> {
    match op {
        SpansetOp::And if left.is_empty() || right.is_empty() => Vec::new(),
        SpansetOp::And | SpansetOp::Union => union(left, right),
        SpansetOp::Structural { relation, mode } => {
            let (from, to) = (Marks::of(trace, left), Marks::of(trace, right));
            let related = |span: usize| from.relates(trace, relation, span);
            match mode {
                StructuralMode::Plain => right.iter().copied().filter(|span| related(*span)).collect(),
                StructuralMode::Negated => right.iter().copied().filter(|span| !related(*span)).collect(),
                StructuralMode::Union => {
                    let rights: Vec<usize> = right.iter().copied().filter(|span| related(*span)).collect();
                    let back = |span: &usize| to.relates(trace, inverse(relation), *span);
                    let lefts: Vec<usize> = left.iter().copied().filter(back).collect();
                    union(&lefts, &rights)
                }
            }
        }
    }
}

fn inverse(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

fn union(left: &[usize], right: &[usize]) -> Vec<usize> {
    let mut spans = [left, right].concat();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// A set of spans, with what the relations ask of it.
struct Marks {
    member: Vec<bool>,
    /// How many members come before each span in waterfall order.
    before: Vec<usize>,
    /// How many children of each span are members.
    children: Vec<usize>,
    /// Whether an ancestor is a member.
    below: Vec<bool>,
}

impl Marks {
    fn of(trace: &Trace, spans: &[usize]) -> Self {
        let count = trace.spans.len();
        let mut member = vec![false; count];
        for span in spans {
            if let Some(mark) = member.get_mut(*span) {
                *mark = true;
            }
        }
        let mut marks = Self {
            before: Vec::with_capacity(count + 1),
            children: vec![0; count],
            below: vec![false; count],
            member,
        };
        let mut before = 0;
        for (index, node) in trace.nodes.iter().enumerate() {
            marks.before.push(before);
            before += usize::from(marks.is_member(index));
            let Some(parent) = node.parent else { continue };
            // A parent comes before its children.
            let below = marks.is_member(parent) || marks.below.get(parent) == Some(&true);
            if let Some(mark) = marks.below.get_mut(index) {
                *mark = below;
            }
            if marks.is_member(index)
                && let Some(children) = marks.children.get_mut(parent)
            {
                *children += 1;
            }
        }
        marks.before.push(before);
        marks
    }

    fn is_member(&self, span: usize) -> bool {
        self.member.get(span) == Some(&true)
    }

    /// Whether the span is related so to some member: its child, its parent, and so on.
    fn relates(&self, trace: &Trace, relation: Relation, span: usize) -> bool {
        let Some(node) = trace.nodes.get(span) else {
            return false;
        };
        match relation {
            Relation::Child => node.parent.is_some_and(|parent| self.is_member(parent)),
            Relation::Parent => self.children.get(span).is_some_and(|members| *members > 0),
            Relation::Descendant => self.below.get(span) == Some(&true),
            Relation::Ancestor => {
                // Descendants are the spans that follow.
                let members = |index: usize| self.before.get(index).copied().unwrap_or_default();
                members(span + 1 + node.descendants) > members(span + 1)
            }
            Relation::Sibling => node.parent.is_some_and(|parent| {
                let members = self.children.get(parent).copied().unwrap_or_default();
                members > usize::from(self.is_member(span))
            }),
        }
    }
}
