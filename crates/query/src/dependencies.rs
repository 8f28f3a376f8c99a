//! Which services call which: pairs of parent and child spans of different services.

use arrow::array::FixedSizeBinaryArray;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use throughline_model::rows::{Column, Dictionary};
use throughline_model::{Signal, Tenant, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, ScanRequest, TimeRange};

use crate::limits::Meter;
use crate::run::scan;
use crate::{QueryStats, Result};

/// Most spans that are held to find their children.
const SPANS_MAX: usize = 4_000_000;

/// Calls between services.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependencies {
    /// By parent and child.
    pub dependencies: Vec<Dependency>,
    /// Whether every span was looked at.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// How often one service called another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The service of the parent spans.
    pub parent: String,
    /// The service of their children.
    pub child: String,
    /// How many children.
    pub calls: u64,
}

type SpanKey = ([u8; 16], [u8; 8]);

/// Services by number, the service of each span, and the parents that were asked for.
#[derive(Default)]
struct Edges {
    names: HashMap<String, u32, ahash::RandomState>,
    services: HashMap<SpanKey, u32, ahash::RandomState>,
    children: Vec<(SpanKey, u32)>,
    full: bool,
}

pub(crate) async fn dependencies(
    store: &Store,
    mut meter: Meter,
    tenant: &Tenant,
    time: TimeRange,
) -> Result<Dependencies> {
    let columns = [schema::TRACE_ID, schema::SPAN_ID, schema::PARENT_SPAN_ID, schema::SERVICE];
    let request = ScanRequest {
        time,
        columns: Columns::named(&columns),
        ..ScanRequest::new(tenant.clone(), Signal::Traces)
    };
    let mut edges = Edges::default();
    scan(store, request, &mut meter, |batch| edges.add(&batch)).await?;
    let (complete, stats) = meter.finish();
    let complete = complete && !edges.full;
    Ok(Dependencies { dependencies: edges.count(), complete, stats })
}

impl Edges {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let trace_id = Column::<FixedSizeBinaryArray>::required(batch, schema::TRACE_ID)?;
        let span_id = Column::<FixedSizeBinaryArray>::required(batch, schema::SPAN_ID)?;
        let parent = Column::<FixedSizeBinaryArray>::optional(batch, schema::PARENT_SPAN_ID)?;
        let service = Dictionary::new(batch, schema::SERVICE)?;
        let numbers: Vec<u32> = (0..service.codes()).map(|code| self.number(service.text(code))).collect();
        for row in 0..batch.num_rows() {
            if self.services.len() >= SPANS_MAX {
                self.full = true;
                return Ok(());
            }
            let number = service.code(row).and_then(|code| numbers.get(code)).copied();
            let (Some(trace_id), Some(span_id), Some(number)) =
                (trace_id.trace_id(row), span_id.span_id(row), number)
            else {
                continue;
            };
            // A span that was sent twice is counted once.
            if self.services.insert((trace_id.0, span_id.0), number).is_none()
                && let Some(parent) = parent.span_id(row)
            {
                self.children.push(((trace_id.0, parent.0), number));
            }
        }
        Ok(())
    }

    fn number(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.names.entry_ref(name).or_insert(next)
    }

    fn count(self) -> Vec<Dependency> {
        let mut calls: HashMap<(u32, u32), u64, ahash::RandomState> = HashMap::default();
        for (parent, child) in &self.children {
            match self.services.get(parent) {
                Some(parent) if parent != child => *calls.entry((*parent, *child)).or_default() += 1,
                _ => {}
            }
        }
        let names: HashMap<u32, &String, ahash::RandomState> =
            self.names.iter().map(|(name, number)| (*number, name)).collect();
        let name = |number: u32| names.get(&number).map(|name| (*name).clone()).unwrap_or_default();
        let mut found: Vec<Dependency> = calls
            .into_iter()
            .map(|((parent, child), calls)| Dependency { parent: name(parent), child: name(child), calls })
            .collect();
        found.sort_by(|a, b| (&a.parent, &a.child).cmp(&(&b.parent, &b.child)));
        found
    }
}
