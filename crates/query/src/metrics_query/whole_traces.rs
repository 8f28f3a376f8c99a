//! Looking at whole traces, for queries with structure, pipelines or fields of the trace.

use arrow::array::AsArray;
use hashbrown::{HashMap, HashSet};
use throughline_lang::traceql::{SpansetOp, StructuralMode};
use throughline_model::{Signal, Span, Tenant, TraceId, rows, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, Filter, ScanRequest};

use super::grid::Grid;
use crate::catalog::{required, wrong_type};
use crate::eval::{Program, Spans};
use crate::limits::Meter;
use crate::lower::lower;
use crate::run::{bounded, scan};
use crate::trace::Trace;
use crate::{Limits, Result};

/// Traces loaded at once.
const LOAD: usize = 100;

/// Which traces to look at, and what of them to read.
#[derive(Debug)]
pub(super) struct WholeTraces<'a> {
    pub(super) store: &'a Store,
    pub(super) tenant: &'a Tenant,
    pub(super) limits: &'a Limits,
    pub(super) program: &'a Program,
    pub(super) grid: Grid,
    pub(super) columns: Columns,
}

impl WholeTraces<'_> {
    /// Calls `visit` with every span that the program leaves, with its trace and its interval.
    pub(super) async fn each(
        &self,
        meter: &mut Meter,
        mut visit: impl FnMut(&Trace, usize, usize),
    ) -> Result<()> {
        let ids = self.ids(meter).await?;
        for ids in ids.chunks(LOAD) {
            for trace in self.load(ids, meter).await? {
                for span in self.program.run(&trace).iter().flat_map(|spanset| &spanset.spans) {
                    let start_ns = trace.spans.get(*span).map(|span| span.start_ns);
                    if let Some(interval) = start_ns.and_then(|start_ns| self.grid.index(start_ns)) {
                        visit(&trace, *span, interval);
                    }
                }
            }
        }
        Ok(())
    }

    /// Traces with a span that may count.
    async fn ids(&self, meter: &mut Meter) -> Result<Vec<TraceId>> {
        let filter = match (self.program.single_predicate(), self.program.first()) {
            (Some(predicate), _) => lower(predicate).filter,
            (None, Some(spans)) => superset(spans),
            (None, None) => Filter::All,
        };
        if filter == Filter::None {
            return Ok(Vec::new());
        }
        let request = ScanRequest {
            time: self.grid.time(),
            filter,
            columns: Columns::named(&[schema::TRACE_ID]),
            ..ScanRequest::new(self.tenant.clone(), Signal::Traces)
        };
        let mut ids: HashSet<TraceId, ahash::RandomState> = HashSet::default();
        let mut over = false;
        scan(self.store, request, meter, |batch| {
            let column = required(&batch, schema::TRACE_ID)?;
            let column = column.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(schema::TRACE_ID))?;
            for id in column.iter().flatten().filter_map(TraceId::from_slice) {
                if ids.len() < self.limits.candidates_max {
                    ids.insert(id);
                } else if !ids.contains(&id) {
                    over = true;
                }
            }
            Ok(())
        })
        .await?;
        if over {
            meter.cut_short();
        }
        let mut ids: Vec<TraceId> = ids.into_iter().collect();
        ids.sort_unstable();
        Ok(ids)
    }

    async fn load(&self, ids: &[TraceId], meter: &mut Meter) -> Result<Vec<Trace>> {
        let call = self.store.traces(self.tenant, ids, self.columns.clone(), None);
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
            use StructuralMode as M;
            match (op, superset(left), superset(right)) {
                (SpansetOp::Structural { mode: M::Plain | M::Negated, .. }, _, right) => right,
                (_, Filter::None, only) | (_, only, Filter::None) => only,
                (_, Filter::All, _) | (_, _, Filter::All) => Filter::All,
                (_, left, right) => Filter::Or(vec![left, right]),
            }
        }
    }
}
