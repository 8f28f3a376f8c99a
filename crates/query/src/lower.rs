//! From a compiled predicate to a store filter.
//!
//! The filter keeps every row for which the predicate holds (a superset), and when
//! [`Lowered::exact`] no other. What only a whole trace can tell (its root, its duration) and what
//! the store has no form for becomes [`Filter::All`].

mod columns;
mod comparison;
mod mapped;

use throughline_lang::traceql::Literal;
use throughline_store::scan::{CompareOp, Field, Filter, Operand, Predicate as StorePredicate};

use crate::eval::{Node, Predicate};

pub(crate) use columns::needed_columns;
use comparison::{compare_nodes, compare_value, matches_pattern};
pub(crate) use mapped::scope_of;
use mapped::{Mapped, mapped};

/// A filter for a predicate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lowered {
    pub(crate) filter: Filter,
    /// Whether the filter keeps only rows for which the predicate holds.
    pub(crate) exact: bool,
}

impl Lowered {
    fn exact(filter: Filter) -> Self {
        Self { filter, exact: true }
    }

    fn constant(truth: bool) -> Self {
        Self::exact(if truth { Filter::All } else { Filter::None })
    }

    fn unknown() -> Self {
        Self { filter: Filter::All, exact: false }
    }
}

/// The filter for a predicate; one that the store would refuse as too large keeps every row.
pub(crate) fn lower(predicate: &Predicate) -> Lowered {
    let lowered = lower_node(predicate.root());
    match StorePredicate::new(&lowered.filter) {
        Ok(_) => lowered,
        Err(_) => Lowered::unknown(),
    }
}

fn lower_node(node: &Node) -> Lowered {
    match node {
        Node::Literal(literal) => Lowered::constant(*literal == Literal::Bool(true)),
        Node::Field(field) => compare_value(mapped(field), CompareOp::Eq, &Literal::Bool(true)),
        Node::All(parts) => {
            let parts: Vec<Lowered> = parts.iter().map(lower_node).collect();
            let exact = parts.iter().all(|part| part.exact);
            Lowered { filter: all(parts.into_iter().map(|part| part.filter)), exact }
        }
        Node::Any(parts) => {
            let parts: Vec<Lowered> = parts.iter().map(lower_node).collect();
            let exact = parts.iter().all(|part| part.exact);
            Lowered { filter: any(parts.into_iter().map(|part| part.filter)), exact }
        }
        Node::Not(inner) => match lower_node(inner.root()) {
            Lowered { filter, exact: true } => Lowered::exact(not(filter)),
            _ => Lowered::unknown(),
        },
        Node::Invert(inner) => match &**inner {
            Node::Field(field) => compare_value(mapped(field), CompareOp::Eq, &Literal::Bool(false)),
            _ => Lowered::unknown(),
        },
        // A number is never true.
        Node::Negate(_) | Node::Arithmetic(..) => Lowered::constant(false),
        Node::Exists(inner) => exists(inner),
        Node::Compare(op, left, right) => compare_nodes(*op, left, right),
        Node::Regex { negated, text, pattern } => match &**text {
            Node::Field(field) => matches_pattern(mapped(field), *negated, pattern),
            _ => Lowered::unknown(),
        },
    }
}

fn exists(inner: &Node) -> Lowered {
    match inner {
        Node::Field(field) => match mapped(field) {
            Mapped::Field(Field::Column(name)) if name != throughline_model::schema::PARENT_SPAN_ID => {
                Lowered::constant(true)
            }
            Mapped::Field(field) | Mapped::Duration(field @ Field::EventTimeSinceStart) => {
                Lowered::exact(Filter::Exists(field))
            }
            Mapped::Duration(_) | Mapped::OptionalText(_) | Mapped::Status | Mapped::Kind => {
                Lowered::constant(true)
            }
            Mapped::OfTrace => Lowered::unknown(),
            Mapped::Nothing => Lowered::constant(false),
        },
        Node::Invert(_) | Node::Negate(_) | Node::Arithmetic(..) => Lowered::unknown(),
        _ => Lowered::constant(true),
    }
}

fn all(filters: impl Iterator<Item = Filter>) -> Filter {
    let mut parts = Vec::new();
    for filter in filters {
        match filter {
            Filter::All => {}
            Filter::None => return Filter::None,
            Filter::And(more) => parts.extend(more),
            other => parts.push(other),
        }
    }
    match parts.len() {
        0 => Filter::All,
        1 => parts.pop().unwrap_or(Filter::All),
        _ => Filter::And(parts),
    }
}

/// Alternatives; equalities on one field become one list.
fn any(filters: impl Iterator<Item = Filter>) -> Filter {
    let mut parts: Vec<Filter> = Vec::new();
    for filter in filters {
        match filter {
            Filter::None => {}
            Filter::All => return Filter::All,
            Filter::Or(more) => parts.extend(more),
            Filter::Compare {
                left: Operand::Field(field),
                op: CompareOp::Eq,
                right: Operand::Literal(value),
            } => {
                let list = parts.iter_mut().find_map(|part| match part {
                    Filter::In(of, values) if *of == field => Some(values),
                    _ => None,
                });
                match list {
                    Some(values) => values.push(value),
                    None => parts.push(Filter::In(field, vec![value])),
                }
            }
            other => parts.push(other),
        }
    }
    for part in &mut parts {
        if let Filter::In(field, values) = part
            && let [value] = values.as_slice()
        {
            *part = Filter::eq(field.clone(), value.clone());
        }
    }
    match parts.len() {
        0 => Filter::None,
        1 => parts.pop().unwrap_or(Filter::None),
        _ => Filter::Or(parts),
    }
}

fn not(filter: Filter) -> Filter {
    match filter {
        Filter::All => Filter::None,
        Filter::None => Filter::All,
        other => Filter::Not(Box::new(other)),
    }
}

#[cfg(test)]
mod tests;
