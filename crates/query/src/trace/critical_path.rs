//! The critical path: walk back from the end of the root; where a child was the last to finish
//! before, it was the child's work that counted; before that child started, the parent's again.

use std::cmp::Reverse;

use super::{CriticalSegment, Trace};

/// A span being walked back through.
struct Visit {
    span: usize,
    /// Time from which back nothing is accounted for yet.
    cursor_ns: i64,
    /// When the span starts, or its parent where that starts later.
    floor_ns: i64,
    /// Children that have not been looked at, the last to finish at the end.
    children: Vec<usize>,
}

pub(super) fn of(trace: &Trace) -> Vec<CriticalSegment> {
    let Some(root) = trace.root().or((!trace.spans.is_empty()).then_some(0)) else {
        return Vec::new();
    };
    let children = children_by_end(trace);
    let visit = |span: usize, floor_ns: i64, cursor_ns: i64| Visit {
        span,
        cursor_ns,
        floor_ns,
        children: children.get(span).cloned().unwrap_or_default(),
    };
    let end = |span: usize| trace.spans.get(span).map_or(i64::MIN, |span| span.end_ns());
    let start = |span: usize| trace.spans.get(span).map_or(i64::MAX, |span| span.start_ns);
    let mut segments = Vec::new();
    let mut stack = vec![visit(root, start(root), end(root))];
    while let Some(mut top) = stack.pop() {
        let next = next_child(&mut top, &start, &end);
        let until = next.map_or(top.floor_ns, |(_, child_end)| child_end);
        if until < top.cursor_ns {
            let (span, end_ns) = (top.span, top.cursor_ns);
            segments.push(CriticalSegment { span, start_ns: until, end_ns });
        }
        if let Some((child, child_end)) = next {
            top.cursor_ns = start(child).max(top.floor_ns);
            let child = visit(child, top.cursor_ns, child_end);
            stack.push(top);
            stack.push(child);
        }
    }
    segments.reverse();
    segments
}

/// The last child to finish by the cursor, and when it did as far as its parent is concerned.
fn next_child(
    top: &mut Visit,
    start: &impl Fn(usize) -> i64,
    end: &impl Fn(usize) -> i64,
) -> Option<(usize, i64)> {
    while let Some(child) = top.children.pop() {
        let child_end = end(child).min(end(top.span));
        if child_end <= top.cursor_ns && start(child) < child_end && child_end > top.floor_ns {
            return Some((child, child_end));
        }
    }
    None
}

fn children_by_end(trace: &Trace) -> Vec<Vec<usize>> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); trace.spans.len()];
    for (index, node) in trace.nodes.iter().enumerate() {
        if let Some(siblings) = node.parent.and_then(|parent| children.get_mut(parent)) {
            siblings.push(index);
        }
    }
    for (parent, siblings) in children.iter_mut().enumerate() {
        let parent_end = trace.spans.get(parent).map_or(i64::MAX, |span| span.end_ns());
        siblings.sort_by_key(|child| {
            let span = trace.spans.get(*child);
            let end = span.map_or(i64::MIN, |span| span.end_ns().min(parent_end));
            (end, Reverse(span.map_or(0, |span| span.start_ns)), Reverse(*child))
        });
    }
    children
}
