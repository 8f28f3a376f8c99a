//! Searching traces, the newest first.
//!
//! The store gives candidates: traces with a row that may match, in the order of their newest such
//! row. Each candidate is loaded whole, but only in the columns that matter, and the query is run
//! on it. When the filter is exact, the first candidates are the answer; when it keeps too much,
//! pages of candidates follow until no later one can be newer than what was found.
//!
//! The order of the answer is that of the newest span that matches; ties go by trace id. A trace
//! is matched as a whole, then only spans that start in the time range count.

mod candidates;
mod matching;

use throughline_lang::traceql::{FieldRef, Query, compile};
use throughline_model::{SpanId, Tenant};
use throughline_store::Store;
use throughline_store::scan::{TimeRange, TraceSummary};

use crate::eval::Program;
use crate::limits::{Meter, check_limit};
use crate::{Error, FieldValue, Limits, QueryStats, Result};
use candidates::Candidates;
use matching::Matcher;

/// What to search for.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Whose traces.
    pub tenant: Tenant,
    /// The query.
    pub query: SearchQuery,
    /// When matching spans start.
    pub time: TimeRange,
    /// How many traces at most.
    pub limit: usize,
    /// How many spans of each spanset at most.
    pub spans_per_spanset: usize,
}

/// A query as text or as a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchQuery {
    /// Text, parsed and checked by the engine. Empty text selects every span.
    Text(String),
    /// A tree that was checked before.
    Tree(Box<Query>),
}

impl From<&str> for SearchQuery {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The traces found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    /// By their newest matching span, the newest first; ties by trace id.
    pub traces: Vec<TraceMatch>,
    /// Whether these are the newest, as many as asked for; false when a limit cut the search short.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// A trace found.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceMatch {
    /// The trace in short.
    pub summary: TraceSummary,
    /// What matched; several where the query groups.
    pub spansets: Vec<SpansetMatch>,
}

impl TraceMatch {
    /// How many spans matched, over all spansets.
    #[must_use]
    pub fn matched(&self) -> usize {
        self.spansets.iter().map(|spanset| spanset.matched).sum()
    }

    /// The spans returned, over all spansets.
    pub fn spans(&self) -> impl Iterator<Item = &SpanMatch> {
        self.spansets.iter().flat_map(|spanset| &spanset.spans)
    }
}

/// Spans that matched together.
#[derive(Debug, Clone, PartialEq)]
pub struct SpansetMatch {
    /// How many matched.
    pub matched: usize,
    /// The first of them, by start.
    pub spans: Vec<SpanMatch>,
    /// What the pipeline computed, such as `by(name)` or `count()`.
    pub attributes: Vec<(String, FieldValue)>,
}

/// A span that matched.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanMatch {
    /// Its id.
    pub span_id: SpanId,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// When it starts.
    pub start_ns: i64,
    /// How long it took.
    pub duration_ns: i64,
    /// Its OTLP kind.
    pub kind: i32,
    /// Its OTLP status.
    pub status_code: i32,
    /// Fields that the query names and the span has.
    pub fields: Vec<SelectedField>,
}

/// A field that the query names.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectedField {
    /// Which.
    pub field: FieldRef,
    /// What it holds.
    pub value: FieldValue,
}

impl SelectedField {
    /// The name without its scope: an attribute's key, or how the query writes the field.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.field {
            FieldRef::Attribute { name, .. } => name.clone(),
            intrinsic @ FieldRef::Intrinsic(_) => intrinsic.to_string(),
        }
    }
}

pub(crate) async fn search(
    store: &Store,
    meter: Meter,
    limits: &Limits,
    request: SearchRequest,
) -> Result<SearchResult> {
    let limit = check_limit("the limit", request.limit, limits.traces_max)?;
    let spans_max = check_limit("the number of spans", request.spans_per_spanset, limits.spans_max)?;
    let program = match &request.query {
        SearchQuery::Text(text) if text.trim().is_empty() => Program::of(&compile("{ true }")?)?,
        SearchQuery::Text(text) => compile(text)
            .map_err(Error::from)
            .and_then(|query| Program::of(&query))
            .map_err(|error| error.in_text(text))?,
        SearchQuery::Tree(query) => Program::of(query)?,
    };
    let matcher = Matcher { program: &program, time: request.time, spans_max };
    let candidates = Candidates::new(store, limits, request.tenant, request.time, &program);
    let (found, meter) = candidates.search(&matcher, limit, meter).await?;
    let (complete, stats) = meter.finish();
    Ok(SearchResult { traces: found, complete, stats })
}

#[cfg(test)]
mod tests;
