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

/// The rows of these traces in a segment, ascending; of a segment without a sidecar those of the
/// row groups that may have them. `None` if that would be no help.
pub(super) fn rows(segment: &Arc<OpenSegment>, ids: &[TraceId]) -> Result<Option<Vec<u32>>, Error> {
    let reader = &segment.reader;
    if reader.entry().signal == Signal::Traces
        && let Some(traces) = reader.traces(ids)?
    {
        let mut rows: Vec<u32> = traces.into_iter().flat_map(|trace| trace.rows).collect();
        rows.sort_unstable();
        return Ok(Some(rows));
    }
    if ids.len() > BLOOM_MAX {
        return Ok(None);
    }
    let mut groups = Vec::new();
    for id in ids {
        groups.extend(reader.row_groups_of_trace(*id)?);
    }
    groups.sort_unstable();
    groups.dedup();
    let mut rows = Vec::new();
    for group in groups {
        let group = segment.group(group)?;
        let end = u32::try_from(group.first_row + group.rows).unwrap_or(u32::MAX);
        rows.extend(u32::try_from(group.first_row).unwrap_or(u32::MAX)..end);
    }
    Ok(Some(rows))
}
