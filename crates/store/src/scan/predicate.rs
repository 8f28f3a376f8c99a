//! A filter made ready to run: comparisons compiled, conditions on events and links bound to one.

use super::comparison::{Literal, Test};
use super::filter::{AttributeScope, CompareOp, Field, Filter, Operand};
use super::request::InvalidRequest;
use crate::Error;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use std::sync::Arc;
use throughline_model::{Value, schema};

/// Most parts that a filter may grow to when mixed event and link conditions are multiplied out.
const PARTS_MAX: usize = 16_384;

/// A [`Filter`] that can be run on batches, any number of times and from any thread.
#[derive(Debug)]
pub struct Predicate {
    pub(super) root: Node,
    columns: Vec<String>,
}

/// What is decided for a row.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Const(bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Leaf(Arc<Leaf>),
    /// Some item (event or link) of the row meets the body.
    Bound(Items, Box<Body>),
}

/// What is decided for an item of a row.
#[derive(Debug, Clone)]
pub(super) enum Body {
    All(Vec<Body>),
    Any(Vec<Body>),
    Leaf(Arc<Leaf>),
    Row(Node),
}

/// A list that a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    Events,
    Links,
}

/// One comparison.
#[derive(Debug)]
pub(super) enum Leaf {
    Test { field: Field, test: Test },
    Expression { left: Operand, op: CompareOp, right: Operand },
}

impl Predicate {
    /// Compiles a filter.
    ///
    /// # Errors
    /// A filter that [`Filter::validate`] refuses.
    pub fn new(filter: &Filter) -> Result<Self, InvalidRequest> {
        filter.validate()?;
        let mut parts = 0;
        let root = bind(lower(filter)?, &mut parts)?;
        Ok(Self { root, columns: filter.columns() })
    }

    /// The stored columns that the predicate reads.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether every row passes.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self.root, Node::Const(true))
    }

    /// Whether no row passes.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.root, Node::Const(false))
    }

    /// Says of each row whether it passes. Never null.
    ///
    /// # Errors
    /// A cell that should hold attribute JSON does not.
    pub fn select(&self, batch: &RecordBatch) -> Result<BooleanArray, Error> {
        let all = BooleanBuffer::new_set(batch.num_rows());
        Ok(BooleanArray::new(self.select_from(batch, &all)?, None))
    }

    /// Like [`select`](Self::select), of the candidates alone.
    pub(super) fn select_from(
        &self,
        batch: &RecordBatch,
        candidates: &BooleanBuffer,
    ) -> Result<BooleanBuffer, Error> {
        super::evaluate::rows(&self.root, batch, candidates)
    }
}

impl Items {
    /// The list whose items a field belongs to.
    pub(super) fn of(field: &Field) -> Option<Self> {
        match field {
            Field::EventName
            | Field::EventTimeSinceStart
            | Field::Attribute { scope: AttributeScope::Event, .. } => Some(Self::Events),
            Field::LinkTraceId | Field::LinkSpanId | Field::Attribute { scope: AttributeScope::Link, .. } => {
                Some(Self::Links)
            }
            _ => None,
        }
    }

    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Events => schema::EVENTS,
            Self::Links => schema::LINKS,
        }
    }
}

impl Node {
    /// A rough order of what to decide first: what is cheap spares what is dear.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Const(_) => 0,
            Self::Not(inner) => inner.cost(),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::cost).sum(),
            Self::Leaf(leaf) => leaf.cost(),
            Self::Bound(..) => 40,
        }
    }
}

impl Leaf {
    fn cost(&self) -> u32 {
        match self {
            Self::Expression { .. } => 60,
            Self::Test { field, test } => {
                let cell = match field {
                    Field::Column(name) if name == schema::BODY => 8,
                    Field::Column(_) | Field::EndNs => 1,
                    Field::ScopeName | Field::ScopeVersion => 3,
                    Field::Attribute { scope: AttributeScope::Resource, .. } => 3,
                    _ => 10,
                };
                cell * if matches!(test, Test::Regex { .. }) { 3 } else { 1 }
            }
        }
    }

    fn items(&self) -> Option<Items> {
        match self {
            Self::Test { field, .. } => Items::of(field),
            Self::Expression { left, right, .. } => {
                let mut items = None;
                let mut visit = |field: &Field| items = items.or(Items::of(field));
                left.for_each_field(&mut visit);
                right.for_each_field(&mut visit);
                items
            }
        }
    }
}

fn lower(filter: &Filter) -> Result<Node, InvalidRequest> {
    Ok(match filter {
        Filter::All => Node::Const(true),
        Filter::None => Node::Const(false),
        Filter::And(parts) => all(parts.iter().map(lower).collect::<Result<Vec<_>, _>>()?),
        Filter::Or(parts) => any(parts.iter().map(lower).collect::<Result<Vec<_>, _>>()?),
        Filter::Not(inner) => not(lower(inner)?),
        Filter::Exists(field) => leaf(Leaf::Test { field: field.clone(), test: Test::Exists }),
        Filter::In(field, values) => any_of(field, values),
        Filter::Compare { left, op, right } => compare(left, *op, right)?,
    })
}

fn compare(left: &Operand, op: CompareOp, right: &Operand) -> Result<Node, InvalidRequest> {
    let array = |side: &Operand| matches!(side, Operand::Literal(Value::Array(_)));
    Ok(match (left, right) {
        _ if array(left) || array(right) => {
            leaf(Leaf::Expression { left: left.clone(), op, right: right.clone() })
        }
        (Operand::Field(field), Operand::Literal(value)) => test(field, op, value)?,
        (Operand::Literal(left), Operand::Literal(right)) => {
            Test::compare(op, right)?.map_or(Node::Const(false), |test| Node::Const(test.value(left)))
        }
        (Operand::Literal(value), Operand::Field(field)) => test(field, op.flipped(), value)?,
        _ => leaf(Leaf::Expression { left: left.clone(), op, right: right.clone() }),
    })
}

fn leaf(leaf: Leaf) -> Node {
    Node::Leaf(Arc::new(leaf))
}

fn test(field: &Field, op: CompareOp, value: &Value) -> Result<Node, InvalidRequest> {
    let Some(test) = Test::compare(op, value)? else { return Ok(Node::Const(false)) };
    let field = match &test {
        // The service column holds the resource's service.name where that is a string.
        Test::Compare(CompareOp::Eq, Literal::Text(text, _)) if !text.is_empty() => service_column(field),
        _ => field.clone(),
    };
    Ok(leaf(Leaf::Test { field, test }))
}

fn any_of(field: &Field, values: &[Value]) -> Node {
    if values.is_empty() {
        return Node::Const(false);
    }
    let named = values.iter().all(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    let field = if named { service_column(field) } else { field.clone() };
    leaf(Leaf::Test { field, test: Test::any_of(values) })
}

fn service_column(field: &Field) -> Field {
    match field {
        Field::Attribute { scope: AttributeScope::Resource, key } if key == "service.name" => {
            Field::column(schema::SERVICE)
        }
        other => other.clone(),
    }
}

/// A double negation stays: it keeps conditions on events and links to themselves, where without it they would have to be
/// met by the one event that meets the conditions beside them.
pub(super) fn not(node: Node) -> Node {
    match node {
        Node::Const(truth) => Node::Const(!truth),
        other => Node::Not(Box::new(other)),
    }
}

pub(super) fn all(parts: Vec<Node>) -> Node {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Node::Const(true) => {}
            Node::Const(false) => return Node::Const(false),
            Node::All(more) => kept.extend(more),
            other => kept.push(other),
        }
    }
    kept.sort_by_key(Node::cost);
    if kept.is_empty() { Node::Const(true) } else { single(kept, Node::All) }
}

pub(super) fn any(parts: Vec<Node>) -> Node {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Node::Const(false) => {}
            Node::Const(true) => return Node::Const(true),
            Node::Any(more) => kept.extend(more),
            other => kept.push(other),
        }
    }
    if kept.is_empty() { Node::Const(false) } else { single(kept, Node::Any) }
}

fn single(mut parts: Vec<Node>, wrap: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            wrap(parts)
        }
    }
}

/// Whether a node asks about events and about links, outside of any `Not`.
fn asks(node: &Node) -> (bool, bool) {
    match node {
        Node::Const(_) | Node::Not(_) | Node::Bound(..) => (false, false),
        Node::All(parts) | Node::Any(parts) => {
            parts.iter().map(asks).fold((false, false), |a, b| (a.0 | b.0, a.1 | b.1))
        }
        Node::Leaf(leaf) => (leaf.items() == Some(Items::Events), leaf.items() == Some(Items::Links)),
    }
}

fn bind(node: Node, parts: &mut usize) -> Result<Node, InvalidRequest> {
    *parts += 1;
    if *parts > PARTS_MAX {
        return Err(InvalidRequest::new("the filter mixes too many event and link conditions"));
    }
    Ok(match node {
        Node::Const(_) | Node::Bound(..) => node,
        Node::Not(inner) => not(bind(*inner, parts)?),
        Node::Any(list) => {
            any(list.into_iter().map(|part| bind(part, parts)).collect::<Result<Vec<_>, _>>()?)
        }
        Node::Leaf(leaf) => match leaf.items() {
            None => Node::Leaf(leaf),
            Some(items) => Node::Bound(items, Box::new(Body::Leaf(leaf))),
        },
        Node::All(list) => bind_all(list, parts)?,
    })
}

/// Conditions on one item are kept together; a part that asks about events and about links is
/// multiplied out, so that each conjunction asks about at most one of each.
fn bind_all(list: Vec<Node>, parts: &mut usize) -> Result<Node, InvalidRequest> {
    let (mut rows, mut events, mut links, mut both) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in list {
        match asks(&part) {
            (false, false) => rows.push(part),
            (true, false) => events.push(part),
            (false, true) => links.push(part),
            (true, true) => both.push(part),
        }
    }
    if let Some(Node::Any(choices)) = both.pop() {
        let rest: Vec<Node> = rows.into_iter().chain(events).chain(links).chain(both).collect();
        let mut products = Vec::with_capacity(choices.len());
        for choice in choices {
            let product = rest.iter().cloned().chain([choice]).collect();
            products.push(bind(all(product), parts)?);
        }
        return Ok(any(products));
    }
    let mut bound = Vec::with_capacity(rows.len() + 2);
    for row in rows {
        bound.push(bind(row, parts)?);
    }
    for (items, mut group) in [(Items::Events, events), (Items::Links, links)] {
        if group.len() == 1 {
            if let Some(only) = group.pop() {
                bound.push(bind(only, parts)?);
            }
        } else if !group.is_empty() {
            let body = group.into_iter().map(|part| body(part, parts)).collect::<Result<Vec<_>, _>>()?;
            bound.push(Node::Bound(items, Box::new(Body::All(body))));
        }
    }
    Ok(all(bound))
}

fn body(node: Node, parts: &mut usize) -> Result<Body, InvalidRequest> {
    if asks(&node) == (false, false) {
        return Ok(Body::Row(bind(node, parts)?));
    }
    let mut list =
        |nodes: Vec<Node>| nodes.into_iter().map(|node| body(node, parts)).collect::<Result<Vec<_>, _>>();
    Ok(match node {
        Node::All(nodes) => Body::All(list(nodes)?),
        Node::Any(nodes) => Body::Any(list(nodes)?),
        Node::Leaf(leaf) => Body::Leaf(leaf),
        other => Body::Row(other),
    })
}
