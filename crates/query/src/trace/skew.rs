//! Clocks that disagree: a child on another service that seems to start before its parent, or a
//! server span that seems to end after the client span that waited for it.

use super::Trace;

const KIND_SERVER: i32 = 2;
const KIND_CLIENT: i32 = 3;

pub(super) fn mark(trace: &mut Trace) {
    for index in 0..trace.spans.len() {
        let skew = skew_of(trace, index).unwrap_or(0);
        if let Some(node) = trace.nodes.get_mut(index) {
            node.skew_ns = skew;
        }
    }
}

fn skew_of(trace: &Trace, index: usize) -> Option<i64> {
    let child = trace.spans.get(index)?;
    let parent = trace.spans.get(trace.nodes.get(index)?.parent?)?;
    if child.resource.service_name() == parent.resource.service_name() {
        return None;
    }
    if child.start_ns < parent.start_ns {
        return Some(child.start_ns.saturating_sub(parent.start_ns));
    }
    let waits = parent.kind == KIND_CLIENT && child.kind == KIND_SERVER;
    let fits = child.duration_ns <= parent.duration_ns;
    (waits && fits && child.end_ns() > parent.end_ns())
        .then(|| child.end_ns().saturating_sub(parent.end_ns()))
}
