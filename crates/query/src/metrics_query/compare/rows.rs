//! Comparing rows as the store gives them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;
use throughline_lang::traceql::{AttributeScope, FieldRef};
use throughline_model::{Resource, Signal, Tenant, attr_json, schema};
use throughline_store::Store;
use throughline_store::scan::{Filter, Predicate, ScanRequest};

use super::super::codes::{Codes, CodesReader, of_column};
use super::super::grid::Grid;
use super::super::plan::CompareTask;
use super::{CompareTable, INTRINSICS, Map, Side, attribute_value, is_empty};
use crate::catalog::times;
use crate::limits::Meter;
use crate::lower::lower;
use crate::run::scan;
use crate::{Error, FieldValue, Result};

/// Resources remembered from batch to batch.
const KNOWN_MAX: usize = 10_000;

type Known = Arc<Vec<(String, FieldValue)>>;

/// Compares rows without making spans of them.
#[derive(Debug)]
pub(in super::super) struct RowComparer<'a> {
    task: &'a CompareTask,
    selection: Predicate,
    grid: Grid,
    intrinsics: Vec<FieldRef>,
    resources: Map<String, Known>,
}

/// For each row of a batch where and when it counts.
type Places = Vec<Option<(Side, usize)>>;

impl<'a> RowComparer<'a> {
    /// `None` when the selection needs the whole trace.
    pub(in super::super) fn new(task: &'a CompareTask, grid: Grid) -> Option<Self> {
        let lowered = lower(&task.selection);
        let selection = lowered.exact.then(|| Predicate::new(&lowered.filter).ok()).flatten()?;
        let intrinsics = INTRINSICS.map(FieldRef::Intrinsic).to_vec();
        Some(Self { task, selection, grid, intrinsics, resources: HashMap::default() })
    }

    /// Compares every row that passes.
    pub(in super::super) async fn compare(
        &mut self,
        store: &Store,
        tenant: &Tenant,
        filter: &Filter,
        table: &mut CompareTable,
        meter: &mut Meter,
    ) -> Result<()> {
        let request = ScanRequest {
            time: self.grid.time(),
            filter: filter.clone(),
            ..ScanRequest::new(tenant.clone(), Signal::Traces)
        };
        scan(store, request, meter, |batch| self.add(&batch, table)).await
    }

    fn add(&mut self, batch: &RecordBatch, table: &mut CompareTable) -> Result<()> {
        let selected = self.selection.select(batch)?;
        let mut cursor = self.grid.cursor();
        let times = times(batch, schema::START_NS)?;
        let place = |(row, time): (usize, &i64)| {
            let in_selection = selected.is_valid(row) && selected.value(row) && self.task.in_window(*time);
            let side = if in_selection { Side::Selection } else { Side::Baseline };
            cursor.index(*time).map(|interval| (side, interval))
        };
        let places: Places = times.iter().enumerate().map(place).collect();
        for field in &self.intrinsics {
            if let Some(mut reader) = CodesReader::new(field) {
                add_codes(&field.to_string(), &reader.read(batch)?, &places, table);
            }
        }
        for (column, values) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if let Some(key) = schema::attribute_key(column.name()) {
                let field =
                    FieldRef::Attribute { scope: AttributeScope::Span, parent: false, name: key.to_owned() };
                if let Some(codes) = of_column(values, &field) {
                    add_codes(&format!("span.{key}"), &codes, &places, table);
                }
            }
        }
        add_rest(batch, &places, table)?;
        self.add_resources(batch, &places, table)
    }

    /// Each resource is parsed once, and its attributes counted for all of its rows at once.
    fn add_resources(
        &mut self,
        batch: &RecordBatch,
        places: &Places,
        table: &mut CompareTable,
    ) -> Result<()> {
        let column = batch.column_by_name(schema::RESOURCE);
        let Some(column) = column.and_then(|column| column.as_dictionary_opt::<Int32Type>()) else {
            return Ok(());
        };
        let Some(texts) = column.values().as_string_opt::<i32>() else { return Ok(()) };
        let rows = column.keys().iter().map(|code| code.and_then(|code| u32::try_from(code).ok()));
        for ((code, side, interval), count) in counted(rows, places) {
            let code = code as usize;
            if code >= texts.len() || texts.is_null(code) {
                continue;
            }
            for (name, value) in self.resource(texts.value(code))?.iter() {
                table.add(name, value, side, interval, count);
            }
        }
        Ok(())
    }

    fn resource(&mut self, text: &str) -> Result<Known> {
        if let Some(known) = self.resources.get(text) {
            return Ok(known.clone());
        }
        if self.resources.len() >= KNOWN_MAX {
            self.resources.clear();
        }
        let resource = Resource::from_json(text).map_err(|_| bad_json())?;
        let named = resource
            .attributes
            .into_iter()
            .filter_map(|(key, value)| Some((format!("resource.{key}"), attribute_value(value)?)));
        let known: Known = Arc::new(named.collect());
        self.resources.insert(text.to_owned(), known.clone());
        Ok(known)
    }
}

fn bad_json() -> Error {
    Error::internal("stored attributes do not parse")
}

/// How many rows there are of each code, side and interval.
fn counted(rows: impl Iterator<Item = Option<u32>>, places: &Places) -> Map<(u32, Side, usize), u64> {
    let mut counts: Map<(u32, Side, usize), u64> = HashMap::default();
    for (code, place) in rows.zip(places) {
        if let (Some(code), Some((side, interval))) = (code, place) {
            *counts.entry((code, *side, *interval)).or_default() += 1;
        }
    }
    counts
}

fn add_codes(name: &str, codes: &Codes, places: &Places, table: &mut CompareTable) {
    for ((code, side, interval), count) in counted(codes.rows.iter().copied().map(Some), places) {
        let value = codes.values.get(code as usize).and_then(Option::as_ref);
        if let Some(value) = value.filter(|value| !is_empty(value)) {
            table.add(name, value, side, interval, count);
        }
    }
}

/// Attributes without a column of their own.
fn add_rest(batch: &RecordBatch, places: &Places, table: &mut CompareTable) -> Result<()> {
    let column = batch.column_by_name(schema::ATTRIBUTES);
    let Some(texts) = column.and_then(|column| column.as_string_opt::<i32>()) else { return Ok(()) };
    for (text, place) in texts.iter().zip(places) {
        let (Some(text), Some((side, interval))) = (text, place) else { continue };
        for (key, value) in attr_json::parse_attributes(text).map_err(|_| bad_json())? {
            if let Some(value) = attribute_value(value) {
                table.add(&format!("span.{key}"), &value, *side, *interval, 1);
            }
        }
    }
    Ok(())
}
