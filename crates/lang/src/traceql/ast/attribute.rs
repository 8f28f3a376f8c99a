//! What a query can ask of a span: attributes by scope, and intrinsic fields.

use super::super::Position;

/// Where an attribute lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeScope {
    /// `.x`: the span's attribute, else the resource's.
    Any,
    /// `span.x`
    Span,
    /// `resource.x`
    Resource,
    /// `event.x`: of any one event of the span.
    Event,
    /// `link.x`: of any one link of the span.
    Link,
    /// `instrumentation.x`: of the instrumentation scope.
    Instrumentation,
}

impl AttributeScope {
    /// The name before the dot; empty for [`AttributeScope::Any`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Span => "span",
            Self::Resource => "resource",
            Self::Event => "event",
            Self::Link => "link",
            Self::Instrumentation => "instrumentation",
        }
    }
}

/// A field that every span has without anyone setting an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intrinsic {
    /// `duration`, `span:duration`
    Duration,
    /// `name`, `span:name`
    Name,
    /// `status`, `span:status`
    Status,
    /// `statusMessage`, `span:statusMessage`
    StatusMessage,
    /// `kind`, `span:kind`
    Kind,
    /// `span:childCount`
    ChildCount,
    /// `parent`: named by the grammar, run by nobody.
    Parent,
    /// `span:id`
    SpanId,
    /// `span:parentID`
    ParentId,
    /// `trace:id`
    TraceId,
    /// `traceDuration`, `trace:duration`
    TraceDuration,
    /// `rootName`, `trace:rootName`
    RootName,
    /// `rootServiceName`, `trace:rootService`
    RootService,
    /// `nestedSetLeft`: when the span is entered in a walk of the trace.
    NestedSetLeft,
    /// `nestedSetRight`: when the span is left in a walk of the trace.
    NestedSetRight,
    /// `nestedSetParent`: the parent's `nestedSetLeft`; -1 for a root.
    NestedSetParent,
    /// `event:name`
    EventName,
    /// `event:timeSinceStart`
    EventTimeSinceStart,
    /// `link:traceID`
    LinkTraceId,
    /// `link:spanID`
    LinkSpanId,
    /// `instrumentation:name`
    InstrumentationName,
    /// `instrumentation:version`
    InstrumentationVersion,
}

impl Intrinsic {
    /// Every intrinsic field.
    pub const ALL: [Self; 22] = [
        Self::Duration,
        Self::Name,
        Self::Status,
        Self::StatusMessage,
        Self::Kind,
        Self::ChildCount,
        Self::Parent,
        Self::SpanId,
        Self::ParentId,
        Self::TraceId,
        Self::TraceDuration,
        Self::RootName,
        Self::RootService,
        Self::NestedSetLeft,
        Self::NestedSetRight,
        Self::NestedSetParent,
        Self::EventName,
        Self::EventTimeSinceStart,
        Self::LinkTraceId,
        Self::LinkSpanId,
        Self::InstrumentationName,
        Self::InstrumentationVersion,
    ];

    /// How the field is written: the short form where there is one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Name => "name",
            Self::Status => "status",
            Self::StatusMessage => "statusMessage",
            Self::Kind => "kind",
            Self::ChildCount => "span:childCount",
            Self::Parent => "parent",
            Self::SpanId => "span:id",
            Self::ParentId => "span:parentID",
            Self::TraceId => "trace:id",
            Self::TraceDuration => "traceDuration",
            Self::RootName => "rootName",
            Self::RootService => "rootServiceName",
            Self::NestedSetLeft => "nestedSetLeft",
            Self::NestedSetRight => "nestedSetRight",
            Self::NestedSetParent => "nestedSetParent",
            Self::EventName => "event:name",
            Self::EventTimeSinceStart => "event:timeSinceStart",
            Self::LinkTraceId => "link:traceID",
            Self::LinkSpanId => "link:spanID",
            Self::InstrumentationName => "instrumentation:name",
            Self::InstrumentationVersion => "instrumentation:version",
        }
    }

    /// The field with this unscoped name, such as `duration`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "duration" => Self::Duration,
            "name" => Self::Name,
            "status" => Self::Status,
            "statusMessage" => Self::StatusMessage,
            "kind" => Self::Kind,
            "parent" => Self::Parent,
            "rootName" => Self::RootName,
            "rootServiceName" => Self::RootService,
            "traceDuration" => Self::TraceDuration,
            "nestedSetLeft" => Self::NestedSetLeft,
            "nestedSetRight" => Self::NestedSetRight,
            "nestedSetParent" => Self::NestedSetParent,
            _ => return None,
        })
    }

    /// The field `word` of a scope such as `span:`.
    #[must_use]
    pub fn from_scoped(scope: &str, word: &str) -> Option<Self> {
        Some(match (scope, word) {
            ("trace", "duration") => Self::TraceDuration,
            ("trace", "rootName") => Self::RootName,
            ("trace", "rootService") => Self::RootService,
            ("trace", "id") => Self::TraceId,
            ("span", "duration") => Self::Duration,
            ("span", "name") => Self::Name,
            ("span", "kind") => Self::Kind,
            ("span", "status") => Self::Status,
            ("span", "statusMessage") => Self::StatusMessage,
            ("span", "id") => Self::SpanId,
            ("span", "parentID") => Self::ParentId,
            ("span", "childCount") => Self::ChildCount,
            ("event", "name") => Self::EventName,
            ("event", "timeSinceStart") => Self::EventTimeSinceStart,
            ("link", "traceID") => Self::LinkTraceId,
            ("link", "spanID") => Self::LinkSpanId,
            ("instrumentation", "name") => Self::InstrumentationName,
            ("instrumentation", "version") => Self::InstrumentationVersion,
            _ => return None,
        })
    }
}

/// What an [`Attribute`] names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldRef {
    /// A field every span has.
    Intrinsic(Intrinsic),
    /// An attribute that someone set.
    Attribute {
        /// Where it lives.
        scope: AttributeScope,
        /// Written with `parent.` before it: of the parent span.
        parent: bool,
        /// The key.
        name: String,
    },
}

/// A field as it stands in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What it names.
    pub field: FieldRef,
    /// Where it stands.
    pub position: Position,
}

impl Attribute {
    /// An intrinsic field.
    #[must_use]
    pub fn intrinsic(intrinsic: Intrinsic, position: Position) -> Self {
        Self { field: FieldRef::Intrinsic(intrinsic), position }
    }

    /// An attribute of a scope.
    #[must_use]
    pub fn scoped(scope: AttributeScope, name: impl Into<String>, position: Position) -> Self {
        Self { field: FieldRef::Attribute { scope, parent: false, name: name.into() }, position }
    }
}
