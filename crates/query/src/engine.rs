//! The engine: one store, its limits, and what can be asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use throughline_model::{Span, Tenant, TraceId, rows};
use throughline_store::Store;
use throughline_store::scan::{Columns, TimeRange};

use crate::limits::Meter;
use crate::trace::Trace;
use crate::{
    BackLinks, Dependencies, Limits, LogMatches, LogSearch, Metrics, Operations, OperationsRequest, Result,
    SearchRequest, SearchResult, Services, SpanMetrics, SpanMetricsRequest, TagNames, TagNamesRequest,
    TagValues, TagValuesRequest, catalog, dependencies, links, logs, metrics, metrics_query, search, tags,
};

/// Whole traces read at once.
const TRACES_AT_ONCE: usize = 100;

/// Answers queries from a store. Dropping the future of a query cancels it.
#[derive(Clone)]
pub struct Engine {
    store: Arc<Store>,
    limits: Limits,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over a store.
    #[must_use]
    pub fn new(store: Arc<Store>, limits: Limits) -> Self {
        Self { store, limits }
    }

    /// What one query may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn meter(&self) -> Meter {
        Meter::start(&self.limits)
    }

    /// A whole trace; `None` when there is no span of it. A time hint spares looking into segments
    /// outside of it; spans are not cut by it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::LimitExceeded`] when the time is up, or what the store says.
    pub async fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<Trace>> {
        Ok(self.traces(tenant, &[id], hint).await?.pop())
    }

    /// These traces whole, in the order asked for, those that exist.
    ///
    /// # Errors
    /// [`crate::ErrorKind::LimitExceeded`] when the time is up, or what the store says.
    pub async fn traces(
        &self,
        tenant: &Tenant,
        ids: &[TraceId],
        hint: Option<TimeRange>,
    ) -> Result<Vec<Trace>> {
        let work = async {
            let mut traces = Vec::with_capacity(ids.len());
            for ids in ids.chunks(TRACES_AT_ONCE) {
                traces.extend(self.load(tenant, ids, hint).await?);
            }
            Ok(traces)
        };
        let late = |_| Err(crate::Error::deadline(self.limits.deadline));
        tokio::time::timeout(self.limits.deadline, work).await.unwrap_or_else(late)
    }

    async fn load(&self, tenant: &Tenant, ids: &[TraceId], hint: Option<TimeRange>) -> Result<Vec<Trace>> {
        let mut spans: HashMap<TraceId, Vec<Span>, ahash::RandomState> = HashMap::default();
        for batch in self.store.traces(tenant, ids, Columns::All, hint).await? {
            for span in rows::spans(&batch)? {
                spans.entry(span.trace_id).or_default().push(span);
            }
        }
        let trace = |id: &TraceId| Trace::assemble(*id, spans.remove(id)?);
        Ok(ids.iter().filter_map(trace).collect())
    }

    /// Spans elsewhere that link to a trace, the newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn linked_from(
        &self,
        tenant: &Tenant,
        id: TraceId,
        time: TimeRange,
        limit: usize,
    ) -> Result<BackLinks> {
        links::linked_from(&self.store, self.meter(), tenant, id, time, limit).await
    }

    /// Traces with spans that a TraceQL query selects, the newest first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a query with a fault, [`crate::ErrorKind::Unsupported`] for
    /// metrics queries, or what the store says.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResult> {
        search::search(&self.store, self.meter(), &self.limits, request).await
    }

    /// Time series computed from spans by a TraceQL metrics query.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a query with a fault or a range of too many intervals,
    /// [`crate::ErrorKind::Unsupported`] for arithmetic between queries, or what the store says.
    pub async fn span_metrics(&self, request: SpanMetricsRequest) -> Result<SpanMetrics> {
        metrics_query::run(&self.store, self.meter(), &self.limits, request).await
    }

    /// The names of fields, by scope.
    ///
    /// # Errors
    /// What the store says; never for a query that is incomplete.
    pub async fn tag_names(&self, request: TagNamesRequest) -> Result<TagNames> {
        tags::names(&self.store, self.meter(), &self.limits, request).await
    }

    /// The values of a field.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for what is no field, or what the store says; never for a query
    /// that is incomplete.
    pub async fn tag_values(&self, request: TagValuesRequest) -> Result<TagValues> {
        tags::values(&self.store, self.meter(), &self.limits, request).await
    }

    /// The services, by name, with how many spans and errors each has.
    ///
    /// # Errors
    /// What the store says.
    pub async fn services(&self, tenant: &Tenant, time: TimeRange) -> Result<Services> {
        catalog::services(&self.store, self.meter(), tenant, time).await
    }

    /// The operations (span names with their kind), by name.
    ///
    /// # Errors
    /// What the store says.
    pub async fn operations(&self, request: OperationsRequest) -> Result<Operations> {
        catalog::operations(&self.store, self.meter(), &self.limits, request).await
    }

    /// Calls between services, by caller.
    ///
    /// # Errors
    /// What the store says.
    pub async fn dependencies(&self, tenant: &Tenant, time: TimeRange) -> Result<Dependencies> {
        dependencies::list(&self.store, self.meter(), &self.limits, tenant, time).await
    }

    /// Log records, the newest first.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a limit out of range, or what the store says.
    pub async fn logs(&self, request: LogSearch) -> Result<LogMatches> {
        logs::search(&self.store, self.meter(), &self.limits, request).await
    }

    /// The metrics that were received, by name.
    ///
    /// # Errors
    /// What the store says.
    pub async fn metrics(&self, tenant: &Tenant, time: TimeRange) -> Result<Metrics> {
        metrics::list(&self.store, self.meter(), &self.limits, tenant, time).await
    }
}
