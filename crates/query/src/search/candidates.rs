//! Which traces to look at, in which order, and when to stop.

use arrow::array::AsArray;
use hashbrown::{HashMap, HashSet};
use throughline_lang::traceql::{SpansetOp, StructuralMode};
use throughline_model::{Signal, Span, Tenant, TraceId, rows, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, Filter, Limit, Order, ScanRequest, TimeRange};

use super::TraceMatch;
use super::matching::{Key, Matcher};
use crate::catalog::{required, times, wrong_type};
use crate::eval::{Program, Spans};
use crate::limits::Meter;
use crate::lower::{Lowered, lower, needed_columns};
use crate::run::{bounded, scan};
use crate::trace::Trace;
use crate::{Limits, Result};

/// Traces loaded at once.
const LOAD: usize = 50;
/// The fewest traces asked for when most may turn out not to match.
const PAGE_MIN: usize = 64;

/// Finds the traces that a query may match.
pub(super) struct Candidates<'a> {
    store: &'a Store,
    tenant: Tenant,
    time: TimeRange,
    filter: Lowered,
    columns: Columns,
    candidates_max: usize,
}

/// Pages grow up to this many traces, and beyond only when as many start at one moment.
const PAGE_MAX: usize = 8_192;

/// A page of candidates.
#[derive(Default)]
struct Page {
    /// Not seen before, in order.
    fresh: Vec<TraceId>,
    /// How many traces the page has, seen before or not.
    traces: usize,
    /// Start of the last row.
    last_ns: Option<i64>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(
        store: &'a Store,
        limits: &Limits,
        tenant: Tenant,
        time: TimeRange,
        program: &Program,
    ) -> Self {
        let filter = match (program.single_predicate(), program.first()) {
            (Some(predicate), _) => lower(predicate),
            (None, Some(spans)) => Lowered { filter: superset(spans), exact: false },
            (None, None) => Lowered { filter: Filter::All, exact: false },
        };
        let mut fields = Vec::new();
        program.for_each_field(&mut |field| fields.push(field));
        let columns = needed_columns(fields);
        Self { store, tenant, time, filter, columns, candidates_max: limits.candidates_max }
    }

    /// The first `limit` matches, and the meter with what finding them cost.
    pub(super) async fn search(
        &self,
        matcher: &Matcher<'_>,
        limit: usize,
        mut meter: Meter,
    ) -> Result<(Vec<TraceMatch>, Meter)> {
        let mut found: Vec<(Key, TraceMatch)> = Vec::new();
        if self.filter.filter == Filter::None {
            return Ok((Vec::new(), meter));
        }
        let mut seen: HashSet<TraceId, ahash::RandomState> = HashSet::default();
        let mut page_traces = if self.filter.exact { limit } else { limit.max(PAGE_MIN) };
        let mut end_ns = self.time.end_ns;
        loop {
            let page = self.page(end_ns, page_traces, &mut seen, &mut meter).await?;
            for ids in page.fresh.chunks(LOAD) {
                if meter.inspected_traces() >= self.candidates_max as u64 {
                    meter.cut_short();
                    break;
                }
                for trace in self.load(ids, &mut meter).await? {
                    found.extend(matcher.of(&trace));
                }
            }
            found.sort_by_key(|(key, _)| *key);
            found.truncate(limit);
            let Some(last_ns) = page.last_ns.filter(|_| page.traces >= page_traces) else { break };
            let settled = found.len() == limit && found.last().is_some_and(|(key, _)| key.0.0 > last_ns);
            let exact = self.filter.exact && found.len() == limit;
            if settled || exact || !meter.is_complete() {
                break;
            }
            // Rows that start with the last one may have been cut off, so they are asked for again.
            // A page must hold more than starts at one moment, and few pages must do in the end.
            let next_ns = last_ns.saturating_add(1);
            let grown = page_traces.saturating_mul(2);
            page_traces = if next_ns >= end_ns { grown } else { grown.min(PAGE_MAX).max(page_traces) };
            end_ns = next_ns.min(end_ns);
        }
        Ok((found.into_iter().map(|(_, found)| found).collect(), meter))
    }

    async fn page(
        &self,
        end_ns: i64,
        traces: usize,
        seen: &mut HashSet<TraceId, ahash::RandomState>,
        meter: &mut Meter,
    ) -> Result<Page> {
        let request = ScanRequest {
            time: TimeRange::new(self.time.start_ns, end_ns),
            filter: self.filter.filter.clone(),
            columns: Columns::named(&[schema::TRACE_ID, schema::START_NS]),
            order: Order::NewestFirst,
            limit: Limit::Traces(traces),
            ..ScanRequest::new(self.tenant.clone(), Signal::Traces)
        };
        let mut page = Page::default();
        let mut of_page: HashSet<TraceId, ahash::RandomState> = HashSet::default();
        scan(self.store, request, meter, |batch| {
            let ids = required(&batch, schema::TRACE_ID)?;
            let ids = ids.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(schema::TRACE_ID))?;
            for id in ids.iter().flatten().filter_map(TraceId::from_slice) {
                if of_page.insert(id) && seen.insert(id) {
                    page.fresh.push(id);
                }
            }
            page.last_ns = times(&batch, schema::START_NS)?.last().copied().or(page.last_ns);
            Ok(())
        })
        .await?;
        page.traces = of_page.len();
        Ok(page)
    }

    /// These traces whole, in the columns that matter.
    async fn load(&self, ids: &[TraceId], meter: &mut Meter) -> Result<Vec<Trace>> {
        let call = self.store.traces(&self.tenant, ids, self.columns.clone(), None);
        let batches = bounded(meter, call).await?.unwrap_or_default();
        let mut spans: HashMap<TraceId, Vec<Span>, ahash::RandomState> = HashMap::default();
        let mut count = 0;
        for batch in batches {
            count += batch.num_rows();
            for span in rows::spans(&batch)? {
                spans.entry(span.trace_id).or_default().push(span);
            }
        }
        meter.add_traces(spans.len(), count);
        Ok(spans.into_iter().filter_map(|(id, spans)| Trace::assemble(id, spans)).collect())
    }
}

/// Keeps every row that may be among the spans that the expression gives.
fn superset(spans: &Spans) -> Filter {
    match spans {
        Spans::Filter(predicate) => lower(predicate).filter,
        Spans::Pipeline(program) => program.first().map_or(Filter::All, superset),
        Spans::Operation(op, left, right) => {
            let right_alone = matches!(
                op,
                SpansetOp::Structural { mode: StructuralMode::Plain | StructuralMode::Negated, .. }
            );
            match (superset(left), superset(right)) {
                (Filter::None, _) if *op == SpansetOp::And => Filter::None,
                (_, right) if right_alone => right,
                (Filter::None, only) | (only, Filter::None) => only,
                (Filter::All, _) | (_, Filter::All) => Filter::All,
                (left, right) => Filter::Or(vec![left, right]),
            }
        }
    }
}
