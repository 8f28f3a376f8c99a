//! Which stored columns a field reads.

use super::filter::{AttributeScope, Field, Filter};
use super::predicate::{Body, Leaf, Node};
use throughline_model::schema;

impl Field {
    /// Calls `visit` with the name of every stored column that may hold something of the field.
    pub fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            Self::Column(name) => visit(name),
            Self::EndNs => {
                visit(schema::START_NS);
                visit(schema::DURATION_NS);
            }
            Self::Attribute { scope, key } => {
                if matches!(scope, AttributeScope::Any | AttributeScope::Span) {
                    visit(&schema::attribute_column(key));
                    visit(schema::ATTRIBUTES);
                }
                match scope {
                    AttributeScope::Any | AttributeScope::Resource => visit(schema::RESOURCE),
                    AttributeScope::Instrumentation => visit(schema::SCOPE),
                    AttributeScope::Event => visit(schema::EVENTS),
                    AttributeScope::Link => visit(schema::LINKS),
                    AttributeScope::Span => {}
                }
            }
            Self::EventName => visit(schema::EVENTS),
            Self::EventTimeSinceStart => {
                visit(schema::EVENTS);
                visit(schema::START_NS);
            }
            Self::LinkTraceId | Self::LinkSpanId => visit(schema::LINKS),
            Self::ScopeName | Self::ScopeVersion => visit(schema::SCOPE),
        }
    }
}

impl Filter {
    /// Names of the stored columns that the filter reads, without repeats.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.for_each_field(&mut |field| {
            field.for_each_column(&mut |name| {
                if !names.iter().any(|have| have == name) {
                    names.push(name.to_owned());
                }
            });
        });
        names
    }
}

impl Node {
    /// Calls `visit` with the name of every stored column that is read to decide.
    pub(super) fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            Self::Const(_) => {}
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.for_each_column(visit)),
            Self::Not(inner) => inner.for_each_column(visit),
            Self::Leaf(leaf) => leaf.for_each_column(visit),
            Self::Bound(items, body) => {
                visit(items.column());
                body.for_each_column(visit);
            }
        }
    }
}

impl Body {
    fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.for_each_column(visit)),
            Self::Leaf(leaf) => leaf.for_each_column(visit),
            Self::Row(node) => node.for_each_column(visit),
        }
    }
}

impl Leaf {
    fn for_each_column(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            Self::Test { field, .. } => field.for_each_column(visit),
            Self::Expression { left, right, .. } => {
                left.for_each_field(&mut |field| field.for_each_column(visit));
                right.for_each_field(&mut |field| field.for_each_column(visit));
            }
        }
    }
}
