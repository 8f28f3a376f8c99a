//! What a filter comes to where something is known of the rows: conditions that all rows meet
//! disappear, and a filter that none can meet becomes false, before anything is read.

use super::comparison::{Literal, Test, int_to_double};
use super::filter::{CompareOp, Field};
use super::predicate::{Leaf, Node};
use std::cmp::Ordering;

/// What is known of a column's values in some rows. All of the rows have a value.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// Integers, both bounds included.
    Ints(i64, i64),
    /// Text between a lower and an upper bound, which may be no values themselves.
    Bytes(Vec<u8>, Vec<u8>),
    /// One of these texts.
    Texts(Vec<String>),
}

/// Whether a test holds for rows of which something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Always,
    Never,
    Open,
}

/// The filter for rows of which `known` tells, by column.
pub(super) fn simplify(node: &Node, known: &dyn Fn(&str) -> Option<Known>) -> Node {
    match node {
        Node::Const(_) => node.clone(),
        Node::All(parts) => super::predicate::all(parts.iter().map(|part| simplify(part, known)).collect()),
        Node::Any(parts) => super::predicate::any(parts.iter().map(|part| simplify(part, known)).collect()),
        Node::Not(inner) => super::predicate::not(simplify(inner, known)),
        // A conjunction over events may hold conditions on the row, but those alone settle nothing.
        Node::Bound(..) => node.clone(),
        Node::Leaf(leaf) => match verdict(leaf, known) {
            Verdict::Always => Node::Const(true),
            Verdict::Never => Node::Const(false),
            Verdict::Open => node.clone(),
        },
    }
}

fn verdict(leaf: &Leaf, known: &dyn Fn(&str) -> Option<Known>) -> Verdict {
    let Leaf::Test { field: Field::Column(column), test } = leaf else { return Verdict::Open };
    match known(column) {
        None => Verdict::Open,
        Some(Known::Ints(min, max)) => ints(test, min, max),
        Some(Known::Bytes(min, max)) => bytes(test, &min, &max),
        Some(Known::Texts(texts)) => {
            let passed = texts.iter().filter(|text| test.text(text.as_bytes())).count();
            match passed {
                0 => Verdict::Never,
                _ if passed == texts.len() => Verdict::Always,
                _ => Verdict::Open,
            }
        }
    }
}

fn ints(test: &Test, min: i64, max: i64) -> Verdict {
    let order = |bound: i64, literal: &Literal| match literal {
        Literal::Int(literal) => Some(bound.cmp(literal)),
        Literal::Double(literal) => int_to_double(bound, *literal),
        _ => None,
    };
    match test {
        Test::Exists => Verdict::Always,
        Test::Compare(op, literal @ (Literal::Int(_) | Literal::Double(_))) => {
            match (order(min, literal), order(max, literal)) {
                (Some(min), Some(max)) => between(*op, min, max),
                // NaN.
                _ if *op == CompareOp::Ne => Verdict::Always,
                _ => Verdict::Never,
            }
        }
        Test::Compare(..) | Test::Regex { .. } | Test::Contains { .. } => Verdict::Never,
        Test::In(_) if min == max => constant(test.int(min)),
        Test::In(_) => Verdict::Open,
    }
}

/// Decides from where the bounds lie beside the literal.
fn between(op: CompareOp, min: Ordering, max: Ordering) -> Verdict {
    let outside = min.is_gt() || max.is_lt();
    let single = min.is_eq() && max.is_eq();
    match op {
        CompareOp::Eq if outside => Verdict::Never,
        CompareOp::Eq if single => Verdict::Always,
        CompareOp::Ne if outside => Verdict::Always,
        CompareOp::Ne if single => Verdict::Never,
        CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => match (op.holds(min), op.holds(max))
        {
            (true, true) => Verdict::Always,
            (false, false) => Verdict::Never,
            _ => Verdict::Open,
        },
        _ => Verdict::Open,
    }
}

fn bytes(test: &Test, min: &[u8], max: &[u8]) -> Verdict {
    match test {
        Test::Exists => Verdict::Always,
        // The bounds need not be values themselves, but what lies between equal ones equals them.
        _ if min == max => constant(test.text(min)),
        Test::Compare(op, Literal::Text(text, _)) => {
            between(*op, min.cmp(text.as_bytes()), max.cmp(text.as_bytes()))
        }
        Test::Compare(..) => Verdict::Never,
        _ => Verdict::Open,
    }
}

fn constant(truth: bool) -> Verdict {
    if truth { Verdict::Always } else { Verdict::Never }
}
