//! Names and values for completion, narrowed by a query that may still be incomplete.

use throughline_lang::traceql::{
    Attribute, FieldRef, Intrinsic, Kind, Status, parse_attribute, parse_lenient,
};
use throughline_model::{Signal, Tenant, Value, schema};
use throughline_store::Store;
use throughline_store::scan::{AttributeScope, Field, Filter, TimeRange};

use crate::eval::Predicate;
use crate::limits::{Meter, check_limit};
use crate::lower::{lower, scope_of};
use crate::run::bounded;
use crate::{FieldValue, Limits, QueryStats, Result};

/// A group of field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "TraceQL's scopes")]
pub enum TagScope {
    Resource,
    Span,
    Event,
    Link,
    Instrumentation,
    Intrinsic,
}

impl TagScope {
    /// Every scope, in the order in which they are listed.
    pub const ALL: [Self; 6] =
        [Self::Resource, Self::Span, Self::Event, Self::Link, Self::Instrumentation, Self::Intrinsic];

    /// The name in requests and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Span => "span",
            Self::Event => "event",
            Self::Link => "link",
            Self::Instrumentation => "instrumentation",
            Self::Intrinsic => "intrinsic",
        }
    }

    /// The scope with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    fn of_store(scope: AttributeScope) -> Option<Self> {
        Some(match scope {
            AttributeScope::Any => return None,
            AttributeScope::Span => Self::Span,
            AttributeScope::Resource => Self::Resource,
            AttributeScope::Instrumentation => Self::Instrumentation,
            AttributeScope::Event => Self::Event,
            AttributeScope::Link => Self::Link,
        })
    }

    fn to_store(self) -> Option<AttributeScope> {
        Some(match self {
            Self::Intrinsic => return None,
            Self::Resource => AttributeScope::Resource,
            Self::Span => AttributeScope::Span,
            Self::Event => AttributeScope::Event,
            Self::Link => AttributeScope::Link,
            Self::Instrumentation => AttributeScope::Instrumentation,
        })
    }
}

/// Which names.
#[derive(Debug, Clone, PartialEq)]
pub struct TagNamesRequest {
    /// Whose spans.
    pub tenant: Tenant,
    /// Of one scope; `None` for all.
    pub scope: Option<TagScope>,
    /// TraceQL that the spans must meet, as far as it is complete; may be empty.
    pub query: String,
    /// When.
    pub time: TimeRange,
    /// How many names at most, intrinsic ones not counted.
    pub limit: usize,
}

/// Names of fields.
#[derive(Debug, Clone, PartialEq)]
pub struct TagNames {
    /// By scope; scopes without names are left out.
    pub scopes: Vec<ScopedTags>,
    /// Whether every span was looked at.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// The names of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedTags {
    /// The scope.
    pub scope: TagScope,
    /// The names, without the scope, sorted.
    pub names: Vec<String>,
}

/// Which values.
#[derive(Debug, Clone, PartialEq)]
pub struct TagValuesRequest {
    /// Whose spans.
    pub tenant: Tenant,
    /// The field, as a query names it: `resource.service.name`, `.x`, `name`, `status`.
    pub tag: String,
    /// TraceQL that the spans must meet, as far as it is complete; may be empty.
    pub query: String,
    /// When.
    pub time: TimeRange,
    /// How many values at most.
    pub limit: usize,
}

/// Values of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct TagValues {
    /// Distinct values in order: text, numbers, booleans.
    pub values: Vec<FieldValue>,
    /// Whether every span was looked at.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// What completion offers beside attributes.
const INTRINSICS: [Intrinsic; 18] = [
    Intrinsic::Duration,
    Intrinsic::EventName,
    Intrinsic::EventTimeSinceStart,
    Intrinsic::InstrumentationName,
    Intrinsic::InstrumentationVersion,
    Intrinsic::Kind,
    Intrinsic::LinkSpanId,
    Intrinsic::LinkTraceId,
    Intrinsic::Name,
    Intrinsic::RootName,
    Intrinsic::RootService,
    Intrinsic::ChildCount,
    Intrinsic::SpanId,
    Intrinsic::ParentId,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::TraceId,
    Intrinsic::TraceDuration,
];

pub(crate) async fn names(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    request: TagNamesRequest,
) -> Result<TagNames> {
    let limit = check_limit("the limit", request.limit, limits.values_max)?;
    let mut scopes: Vec<ScopedTags> = Vec::new();
    if request.scope != Some(TagScope::Intrinsic) {
        let scope = request.scope.and_then(TagScope::to_store);
        let filter = narrowed(&request.query);
        let call = store.attribute_keys(&request.tenant, Signal::Traces, scope, request.time, filter, limit);
        for (scope, name) in bounded(&mut meter, call).await?.unwrap_or_default() {
            let Some(scope) = TagScope::of_store(scope) else { continue };
            match scopes.iter_mut().find(|tags| tags.scope == scope) {
                Some(tags) => tags.names.push(name),
                None => scopes.push(ScopedTags { scope, names: vec![name] }),
            }
        }
    }
    if request.scope.is_none_or(|scope| scope == TagScope::Intrinsic) {
        let names = INTRINSICS.iter().map(|intrinsic| intrinsic.name().to_owned()).collect();
        scopes.push(ScopedTags { scope: TagScope::Intrinsic, names });
    }
    for tags in &mut scopes {
        tags.names.sort_unstable();
        tags.names.dedup();
    }
    scopes.sort_by_key(|tags| tags.scope);
    let (complete, stats) = meter.finish();
    Ok(TagNames { scopes, complete, stats })
}

/// The filter for what is complete of a query.
fn narrowed(query: &str) -> Filter {
    match Predicate::of(&parse_lenient(query)) {
        Ok(predicate) => lower(&predicate).filter,
        Err(_) => Filter::All,
    }
}

/// Where the values of a field come from.
enum Source {
    /// They are known without looking.
    Known(Vec<FieldValue>),
    /// They are this field's, of the spans that the query asks for.
    Field(Field),
    /// They are this field's, of the spans at the root of their trace.
    RootField(Field),
}

pub(crate) async fn values(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    request: TagValuesRequest,
) -> Result<TagValues> {
    let limit = check_limit("the limit", request.limit, limits.values_max)?;
    let attribute = parse_attribute(&request.tag)?;
    let (field, filter) = match source(&attribute) {
        Source::Known(mut values) => {
            values.truncate(limit);
            let (complete, stats) = meter.finish();
            return Ok(TagValues { values, complete, stats });
        }
        Source::Field(field) => (field, narrowed(&request.query)),
        Source::RootField(field) => {
            let parent = Filter::Exists(Field::column(schema::PARENT_SPAN_ID));
            (field, Filter::Not(Box::new(parent)))
        }
    };
    let call = store.attribute_values(&request.tenant, Signal::Traces, &field, request.time, filter, limit);
    let values = bounded(&mut meter, call).await?.unwrap_or_default();
    let values = values.into_iter().filter(|value| *value != Value::from("")).map(FieldValue::Value);
    let values = values.collect();
    let (complete, stats) = meter.finish();
    Ok(TagValues { values, complete, stats })
}

fn source(attribute: &Attribute) -> Source {
    let intrinsic = match &attribute.field {
        FieldRef::Attribute { parent: true, .. } => return Source::Known(Vec::new()),
        FieldRef::Attribute { scope, name, .. } => {
            return Source::Field(Field::Attribute { scope: scope_of(*scope), key: name.clone() });
        }
        FieldRef::Intrinsic(intrinsic) => *intrinsic,
    };
    match intrinsic {
        Intrinsic::Status => Source::Known(Status::ALL.map(FieldValue::Status).to_vec()),
        Intrinsic::Kind => Source::Known(Kind::ALL.map(FieldValue::Kind).to_vec()),
        Intrinsic::Name => Source::Field(Field::column(schema::NAME)),
        Intrinsic::StatusMessage => Source::Field(Field::column(schema::STATUS_MESSAGE)),
        Intrinsic::EventName => Source::Field(Field::EventName),
        Intrinsic::InstrumentationName => Source::Field(Field::ScopeName),
        Intrinsic::InstrumentationVersion => Source::Field(Field::ScopeVersion),
        Intrinsic::RootName => Source::RootField(Field::column(schema::NAME)),
        Intrinsic::RootService => Source::RootField(Field::Attribute {
            scope: AttributeScope::Resource,
            key: "service.name".to_owned(),
        }),
        // Times, counts and ids: there are as many as spans, and nobody picks one from a list.
        _ => Source::Known(Vec::new()),
    }
}
