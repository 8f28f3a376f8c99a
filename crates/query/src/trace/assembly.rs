//! Parents, order, orphans, cycles, duplicates.

use std::cmp::Reverse;

use hashbrown::HashMap;
use throughline_model::{Span, SpanId, TraceId};

use super::{Node, Trace, skew};

pub(super) fn assemble(trace_id: TraceId, mut spans: Vec<Span>) -> Option<Trace> {
    let received = spans.len();
    merge_duplicates(&mut spans);
    let start_ns = spans.iter().map(|span| span.start_ns).min()?;
    let end_ns = spans.iter().map(Span::end_ns).max()?.max(start_ns);
    let duplicates = received - spans.len();
    let parents = parents(&spans);
    let (spans, nodes) = walk(spans, &parents);
    let mut trace = Trace { trace_id, spans, nodes, start_ns, end_ns, duplicates };
    skew::mark(&mut trace);
    Some(trace)
}

/// Keeps one span of each id, the one that says most, and leaves them sorted by start and id.
fn merge_duplicates(spans: &mut Vec<Span>) {
    spans.sort_by_cached_key(|span| {
        let said = span.attributes.len() + span.events.len() + span.links.len();
        (span.span_id, Reverse(said), Reverse(span.duration_ns), span.start_ns, span.name.clone())
    });
    spans.dedup_by_key(|span| span.span_id);
    spans.sort_by_key(|span| (span.start_ns, span.span_id));
}

/// The index of each span's parent, with every cycle cut at its earliest span.
fn parents(spans: &[Span]) -> Vec<Option<usize>> {
    let by_id: HashMap<SpanId, usize, ahash::RandomState> =
        spans.iter().enumerate().map(|(index, span)| (span.span_id, index)).collect();
    let mut parents: Vec<Option<usize>> =
        spans.iter().map(|span| span.parent_span_id.and_then(|parent| by_id.get(&parent).copied())).collect();
    // Which walk first came by a span; 0 for none yet. Spans are sorted, so a walk that meets
    // itself has found a cycle, whose smallest index is its earliest span.
    let mut seen = vec![0usize; spans.len()];
    for start in 0..spans.len() {
        let walk = start + 1;
        let mut at = Some(start);
        while let Some(index) = at {
            match seen.get_mut(index) {
                Some(mark) if *mark == 0 => *mark = walk,
                Some(mark) if *mark == walk => {
                    cut_cycle(&mut parents, index);
                    break;
                }
                _ => break,
            }
            at = parents.get(index).copied().flatten();
        }
    }
    parents
}

fn cut_cycle(parents: &mut [Option<usize>], member: usize) {
    let mut earliest = member;
    let mut at = parents.get(member).copied().flatten();
    while let Some(index) = at.filter(|index| *index != member) {
        earliest = earliest.min(index);
        at = parents.get(index).copied().flatten();
    }
    if let Some(parent) = parents.get_mut(earliest) {
        *parent = None;
    }
}

/// Depth first without recursion: a chain of a hundred thousand spans is a trace too.
fn walk(spans: Vec<Span>, parents: &[Option<usize>]) -> (Vec<Span>, Vec<Node>) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    // Spans are sorted by start, so children are; the last is to be taken first off the stack.
    for (index, parent) in parents.iter().enumerate().rev() {
        if let Some(siblings) = parent.and_then(|parent| children.get_mut(parent)) {
            siblings.push(index);
        }
    }
    let mut pending: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(pending.len());
    let mut nodes: Vec<Node> = Vec::with_capacity(pending.len());
    let roots = parents.iter().enumerate().rev().filter(|(_, parent)| parent.is_none());
    let mut stack: Vec<(usize, Option<usize>)> = roots.map(|(index, _)| (index, None)).collect();
    let mut open: Vec<usize> = Vec::new();
    let mut counter = 0i64;
    while let Some((index, parent)) = stack.pop() {
        let depth = parent.and_then(|parent| nodes.get(parent)).map_or(0, |node| node.depth + 1);
        close(&mut nodes, &mut open, depth, &mut counter, ordered.len());
        let Some(span) = pending.get_mut(index).and_then(Option::take) else { continue };
        let own = children.get(index).map_or(&[][..], Vec::as_slice);
        let place = ordered.len();
        counter += 1;
        nodes.push(Node {
            parent,
            depth,
            children: u32::try_from(own.len()).unwrap_or(u32::MAX),
            descendants: 0,
            orphan: parent.is_none() && span.parent_span_id.is_some(),
            nested_left: counter,
            nested_right: 0,
            skew_ns: 0,
        });
        open.push(place);
        ordered.push(span);
        stack.extend(own.iter().map(|child| (*child, Some(place))));
    }
    close(&mut nodes, &mut open, 0, &mut counter, ordered.len());
    (ordered, nodes)
}

/// Leaves every open span at `depth` or below.
fn close(nodes: &mut [Node], open: &mut Vec<usize>, depth: u32, counter: &mut i64, placed: usize) {
    while let Some(place) = open.last().copied() {
        match nodes.get_mut(place) {
            Some(node) if node.depth >= depth => {
                *counter += 1;
                node.nested_right = *counter;
                node.descendants = placed - place - 1;
                open.pop();
            }
            _ => return,
        }
    }
}
