//! Runs a compiled filter over a batch, asking each part only about rows still undecided.

use super::comparison::Test;
use super::filter::{AttributeScope, Field};
use super::predicate::{Body, Items, Leaf, Node};
use super::{attribute_cells, cells, expression, item_cells};
use crate::Error;
use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Int64Type;
use throughline_model::schema;

/// Which of the candidates pass.
pub(super) fn rows(
    node: &Node,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    if candidates.count_set_bits() == 0 {
        return Ok(candidates.clone());
    }
    match node {
        Node::Const(true) => Ok(candidates.clone()),
        Node::Const(false) => Ok(BooleanBuffer::new_unset(candidates.len())),
        Node::All(parts) => {
            let mut open = candidates.clone();
            for part in parts {
                open = rows(part, batch, &open)?;
            }
            Ok(open)
        }
        Node::Any(parts) => {
            let mut passed = BooleanBuffer::new_unset(candidates.len());
            for part in parts {
                let open = candidates & &!&passed;
                passed = &passed | &rows(part, batch, &open)?;
            }
            Ok(passed)
        }
        Node::Not(inner) => Ok(candidates & &!&rows(inner, batch, candidates)?),
        Node::Leaf(leaf) => self::leaf(leaf, batch, candidates),
        Node::Bound(items, body) => bound(*items, body, batch, candidates),
    }
}

fn leaf(leaf: &Leaf, batch: &RecordBatch, candidates: &BooleanBuffer) -> Result<BooleanBuffer, Error> {
    match leaf {
        Leaf::Test { field, test } => field_test(field, test, batch, candidates),
        Leaf::Expression { left, op, right } => expression::rows(left, *op, right, batch, candidates),
    }
}

fn field_test(
    field: &Field,
    test: &Test,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    match field {
        Field::Column(name) => Ok(match batch.column_by_name(name) {
            Some(array) => cells::test(array, test, candidates),
            None => BooleanBuffer::new_unset(candidates.len()),
        }),
        Field::EndNs => Ok(end_ns(test, batch, candidates)),
        Field::Attribute { scope: AttributeScope::Span, key } => {
            Ok(attribute_cells::own(key, test, batch, candidates)?.passed)
        }
        Field::Attribute { scope: AttributeScope::Any, key } => {
            let own = attribute_cells::own(key, test, batch, candidates)?;
            let open = candidates & &!&own.present;
            Ok(&own.passed | &attribute_cells::origin(field, key, test, batch, &open)?)
        }
        Field::Attribute { key, .. } => attribute_cells::origin(field, key, test, batch, candidates),
        Field::ScopeName | Field::ScopeVersion => attribute_cells::origin(field, "", test, batch, candidates),
        // Binding has put these under their items.
        Field::EventName | Field::EventTimeSinceStart | Field::LinkTraceId | Field::LinkSpanId => {
            Ok(BooleanBuffer::new_unset(candidates.len()))
        }
    }
}

fn end_ns(test: &Test, batch: &RecordBatch, candidates: &BooleanBuffer) -> BooleanBuffer {
    let column = |name| batch.column_by_name(name).and_then(|array| array.as_primitive_opt::<Int64Type>());
    match (column(schema::START_NS), column(schema::DURATION_NS)) {
        (Some(start), Some(duration)) => {
            let (start, duration) = (start.values(), duration.values());
            cells::each(candidates, |row| test.int(start[row].wrapping_add(duration[row])))
        }
        _ => BooleanBuffer::new_unset(candidates.len()),
    }
}

fn bound(
    items: Items,
    body: &Body,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    // What holds without any item counts also for rows that have none.
    let without = without_item(body, batch, candidates)?;
    let Some(list) = item_cells::ItemList::of(batch, items) else { return Ok(without) };
    let open = list.expand(&(candidates & &!&without));
    let passed = of_items(body, &list, batch, candidates, &open)?;
    Ok(&without | &list.any_item(&passed))
}

fn without_item(
    body: &Body,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    match body {
        Body::Leaf(_) => Ok(BooleanBuffer::new_unset(candidates.len())),
        Body::Row(node) => rows(node, batch, candidates),
        Body::All(parts) => {
            let mut open = candidates.clone();
            // Leaves first: where there is one, nothing else needs to be asked.
            if parts.iter().any(|part| matches!(part, Body::Leaf(_))) {
                return Ok(BooleanBuffer::new_unset(candidates.len()));
            }
            for part in parts {
                open = without_item(part, batch, &open)?;
            }
            Ok(open)
        }
        Body::Any(parts) => {
            let mut passed = BooleanBuffer::new_unset(candidates.len());
            for part in parts {
                passed = &passed | &without_item(part, batch, candidates)?;
            }
            Ok(passed)
        }
    }
}

/// Which of the open items meet the body.
fn of_items(
    body: &Body,
    list: &item_cells::ItemList<'_>,
    batch: &RecordBatch,
    candidates: &BooleanBuffer,
    open: &BooleanBuffer,
) -> Result<BooleanBuffer, Error> {
    if open.count_set_bits() == 0 {
        return Ok(open.clone());
    }
    match body {
        Body::Row(node) => Ok(open & &list.expand(&rows(node, batch, candidates)?)),
        Body::Leaf(leaf) => match leaf.as_ref() {
            Leaf::Test { field, test } => list.test(field, test, batch, open),
            Leaf::Expression { left, op, right } => expression::items(left, *op, right, batch, list, open),
        },
        Body::All(parts) => {
            let mut open = open.clone();
            for part in parts {
                open = of_items(part, list, batch, candidates, &open)?;
            }
            Ok(open)
        }
        Body::Any(parts) => {
            let mut passed = BooleanBuffer::new_unset(open.len());
            for part in parts {
                let still = open & &!&passed;
                passed = &passed | &of_items(part, list, batch, candidates, &still)?;
            }
            Ok(passed)
        }
    }
}
