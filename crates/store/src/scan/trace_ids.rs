//! Filters that name traces: the sidecar knows where their rows are.

use super::comparison::{Literal, Test, id_of_bytes};
use super::filter::{CompareOp, Field};
use super::predicate::{Leaf, Node};
use super::source::OpenSegment;
use crate::Error;
use std::sync::Arc;
use throughline_model::{Signal, TraceId, schema};

/// Most traces that are looked up one by one.
const LOOKUP_MAX: usize = 1_000;
/// Most traces that are looked up in bloom filters, which are read one by one.
const BLOOM_MAX: usize = 8;

/// The traces that a row must be of to pass, if the filter names them, and few enough.
pub(super) fn required(filter: &Node) -> Option<Vec<TraceId>> {
    match filter {
        Node::All(parts) => parts.iter().find_map(required),
        Node::Leaf(leaf) => match leaf.as_ref() {
            Leaf::Test { field: Field::Column(column), test } if column == schema::TRACE_ID => of_test(test),
            _ => None,
        },
        _ => None,
    }
}

fn of_test(test: &Test) -> Option<Vec<TraceId>> {
    let ids = match test {
        Test::Compare(CompareOp::Eq, Literal::Text(_, id)) => {
            // Text that is no id equals none: no trace passes.
            id.iter().map(|id| TraceId(id.to_be_bytes())).collect()
        }
        Test::Compare(CompareOp::Eq, Literal::Bytes(bytes)) => {
            id_of_bytes(bytes).into_iter().map(|id| TraceId(id.to_be_bytes())).collect()
        }
        Test::In(set) => set.ids().map(|id| TraceId(id.to_be_bytes())).collect::<Vec<_>>(),
        _ => return None,
    };
    (ids.len() <= LOOKUP_MAX).then_some(ids)
}

/// Where a segment has the rows of some traces.
#[derive(Debug)]
pub(super) enum Places {
    /// Exactly these rows, ascending.
    Rows(Vec<u32>),
    /// Somewhere in these row groups, ascending.
    Groups(Vec<usize>),
}

/// Where a segment has these traces: by its sidecar, or by bloom filters.
pub(super) fn places(segment: &Arc<OpenSegment>, ids: &[TraceId]) -> Result<Places, Error> {
    let reader = &segment.reader;
    if reader.entry().signal == Signal::Traces
        && let Some(traces) = reader.traces(ids)?
    {
        let mut rows: Vec<u32> = traces.into_iter().flat_map(|trace| trace.rows).collect();
        rows.sort_unstable();
        return Ok(Places::Rows(rows));
    }
    groups(segment, ids).map(Places::Groups)
}

/// The row groups that may have these traces, by their bloom filters.
pub(super) fn groups(segment: &Arc<OpenSegment>, ids: &[TraceId]) -> Result<Vec<usize>, Error> {
    if ids.len() > BLOOM_MAX {
        return Ok(segment.groups.iter().map(|group| group.index).collect());
    }
    let mut groups = Vec::new();
    for id in ids {
        groups.extend(segment.reader.row_groups_of_trace(*id)?);
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}
