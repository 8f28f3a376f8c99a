//! Which service calls which: parents and children in different services.

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, RecordBatch};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;
use throughline_model::{Signal, Tenant, schema};
use throughline_store::Store;
use throughline_store::scan::{Columns, ScanRequest, TimeRange};

use crate::catalog::{required, wrong_type};
use crate::limits::Meter;
use crate::run::scan;
use crate::{Limits, QueryStats, Result};

/// Calls between services in a time range.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependencies {
    /// By parent, then child.
    pub dependencies: Vec<Dependency>,
    /// Whether every span was looked at.
    pub complete: bool,
    /// What the query cost.
    pub stats: QueryStats,
}

/// Calls from one service to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The service that calls.
    pub parent: String,
    /// The service that is called.
    pub child: String,
    /// Spans of the child whose parent span is the caller's.
    pub calls: u64,
}

/// A span's trace and own id, folded: two spans in 2^64 share one.
type SpanKey = u64;

/// What is known of the spans read so far. Services are numbers into `names`.
#[derive(Default)]
struct Graph {
    names: Vec<String>,
    numbers: HashMap<String, u32, ahash::RandomState>,
    services: HashMap<SpanKey, u32, ahash::RandomState>,
    /// Parent span and service of each span that has a parent.
    children: Vec<(SpanKey, u32)>,
}

pub(crate) async fn list(
    store: &Store,
    mut meter: Meter,
    limits: &Limits,
    tenant: &Tenant,
    time: TimeRange,
) -> Result<Dependencies> {
    let request = ScanRequest {
        time,
        columns: Columns::named(&[
            schema::TRACE_ID,
            schema::SPAN_ID,
            schema::PARENT_SPAN_ID,
            schema::SERVICE,
        ]),
        ..ScanRequest::new(tenant.clone(), Signal::Traces)
    };
    let mut graph = Graph::default();
    let mut cut = false;
    scan(store, request, &mut meter, |batch| {
        if graph.services.len() < limits.joined_spans_max {
            graph.add(&batch)
        } else {
            cut = true;
            Ok(())
        }
    })
    .await?;
    let (complete, stats) = meter.finish();
    Ok(Dependencies { dependencies: graph.dependencies(), complete: complete && !cut, stats })
}

impl Graph {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let traces = ids(batch, schema::TRACE_ID)?;
        let spans = ids(batch, schema::SPAN_ID)?;
        let parents = batch.column_by_name(schema::PARENT_SPAN_ID);
        let parents = parents.and_then(|column| column.as_fixed_size_binary_opt());
        let service = required(batch, schema::SERVICE)?;
        let service = service.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type(schema::SERVICE))?;
        let names = service.values().as_string_opt::<i32>().ok_or_else(|| wrong_type(schema::SERVICE))?;
        let numbers: Vec<u32> = names.iter().map(|name| self.number(name.unwrap_or_default())).collect();
        for (row, code) in service.keys().iter().enumerate() {
            let number = code.and_then(|code| numbers.get(usize::try_from(code).ok()?)).copied();
            let Some(number) = number else { continue };
            let trace = traces.value(row);
            // A span that was sent twice counts once.
            if self.services.insert(key(trace, spans.value(row)), number).is_some() {
                continue;
            }
            if let Some(parents) = parents.filter(|parents| parents.is_valid(row)) {
                self.children.push((key(trace, parents.value(row)), number));
            }
        }
        Ok(())
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn dependencies(self) -> Vec<Dependency> {
        let mut calls: HashMap<(u32, u32), u64, ahash::RandomState> = HashMap::default();
        for (parent, child) in self.children {
            match self.services.get(&parent) {
                Some(parent) if *parent != child => *calls.entry((*parent, child)).or_default() += 1,
                _ => {}
            }
        }
        let name = |number: u32| {
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            self.names.get(index).cloned().unwrap_or_default()
        };
        let mut dependencies: Vec<Dependency> = calls
            .into_iter()
            .map(|((parent, child), calls)| Dependency { parent: name(parent), child: name(child), calls })
            .collect();
        dependencies.sort_by(|a, b| (&a.parent, &a.child).cmp(&(&b.parent, &b.child)));
        dependencies
    }
}

fn ids<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a FixedSizeBinaryArray> {
    required(batch, name)?.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(name))
}

fn key(trace: &[u8], span: &[u8]) -> SpanKey {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one((trace, span))
}
