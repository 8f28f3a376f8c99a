//! Which attributes there are. Of segments, which never change, the answer is kept.

use super::field_values::attributes;
use super::filter::AttributeScope;
use super::item_cells::ItemList;
use super::job::Job;
use super::meter::Meter;
use super::predicate::Items;
use super::request::Columns;
use super::source::{OpenSegment, Source};
use crate::Error;
use crate::catalog::FileId;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int32Type;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use throughline_model::{Resource, Scope, Signal, schema};

/// Most attribute keys that are told apart; beyond it the answer is cut.
pub(super) const KEYS_MAX: usize = 100_000;
/// Most segments whose keys are kept.
const CACHE_MAX: usize = 4_096;
/// Rows read at once to look for keys.
const BATCH_ROWS: usize = 65_536;

/// The attribute keys of some rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    /// Every scope and key.
    pub(super) all: BTreeSet<(AttributeScope, String)>,
    /// The rows' own keys that are in the JSON of the rest in some row.
    pub(super) rest: HashSet<String, ahash::RandomState>,
}

/// The keys of segments looked at before.
#[derive(Debug, Default)]
pub(super) struct KeyCache(Mutex<HashMap<FileId, Arc<Keys>, ahash::RandomState>>);

impl KeyCache {
    /// The keys of a segment.
    pub(super) fn of(&self, segment: &Arc<OpenSegment>, meter: &Meter) -> Result<Arc<Keys>, Error> {
        let id = segment.reader.entry().id;
        if let Some(keys) = self.0.lock().get(&id) {
            return Ok(keys.clone());
        }
        let keys = Arc::new(of_segment(segment, meter)?);
        let mut cache = self.0.lock();
        if cache.len() >= CACHE_MAX {
            cache.clear();
        }
        cache.insert(id, keys.clone());
        Ok(keys)
    }
}

/// The attribute keys of the rows that a scan without a limit would give.
pub(super) fn list(job: &Job, cache: &KeyCache) -> Result<BTreeSet<(AttributeScope, String)>, Error> {
    let mut keys = Keys::default();
    if !job.predicate.is_all() {
        job.run(&mut |batch| keys.add(&batch, job.request.table))?;
        return Ok(keys.all);
    }
    for batch in &job.live {
        let passed = super::select::in_time(batch, &job.request);
        job.meter.spend(batch.num_rows(), batch.get_array_memory_size() as u64)?;
        keys.add(&filter_record_batch(batch, &BooleanArray::new(passed, None))?, job.request.table)?;
    }
    for file in &job.files {
        let Some((segment, _)) = job.open(file)? else { continue };
        if let Some(found) = job.meter.leave_out(cache.of(&segment, &job.meter))? {
            keys.all.extend(found.all.iter().cloned());
        }
    }
    Ok(keys.all)
}

/// What is read to find keys.
pub(super) fn columns(table: Signal) -> Columns {
    let mut columns = Columns::named(&[schema::ATTRIBUTES, schema::RESOURCE, schema::SCOPE]);
    if table == Signal::Traces {
        columns.add_column(schema::EVENTS);
        columns.add_column(schema::LINKS);
    }
    columns
}

fn of_segment(segment: &Arc<OpenSegment>, meter: &Meter) -> Result<Keys, Error> {
    let entry = segment.reader.entry();
    let mut keys = Keys::default();
    for column in &entry.columns {
        if let Some(key) = schema::attribute_key(column) {
            keys.all.insert((AttributeScope::Span, key.to_owned()));
        }
    }
    let source = Source::Segment(segment.clone());
    for group in &segment.groups {
        let mut columns = columns(entry.signal);
        if let Columns::Named(names) = &mut columns {
            names.retain(|name| segment.reader.is_empty(group.index, name) != Some(true));
        }
        for start in (0..group.rows).step_by(BATCH_ROWS) {
            let end = group.rows.min(start + BATCH_ROWS);
            let rows = start + group.first_row..end + group.first_row;
            keys.add(&source.range(group.index, &rows, &columns, meter)?, entry.signal)?;
        }
    }
    Ok(keys)
}

impl Keys {
    /// Adds the keys of a batch's rows.
    pub(super) fn add(&mut self, batch: &RecordBatch, table: Signal) -> Result<(), Error> {
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if let Some(key) = schema::attribute_key(field.name())
                && array.null_count() < array.len()
            {
                self.insert(AttributeScope::Span, key);
            }
        }
        if let Some(array) = batch.column_by_name(schema::ATTRIBUTES) {
            let mut found = HashSet::<String, ahash::RandomState>::default();
            json_keys(array, &mut |key| {
                found.get_or_insert_with(key, str::to_owned);
            })?;
            for key in found {
                self.insert(AttributeScope::Span, &key);
                self.rest.insert(key);
            }
        }
        if let Some(array) = batch.column_by_name(schema::RESOURCE) {
            for text in distinct(array) {
                let resource = Resource::from_json(text).map_err(super::attribute_cells::bad_json)?;
                resource.attributes.iter().for_each(|(key, _)| self.insert(AttributeScope::Resource, key));
            }
        }
        if let Some(array) = batch.column_by_name(schema::SCOPE) {
            for text in distinct(array) {
                let scope = Scope::from_json(text).map_err(super::attribute_cells::bad_json)?;
                scope
                    .attributes
                    .iter()
                    .for_each(|(key, _)| self.insert(AttributeScope::Instrumentation, key));
            }
        }
        if table == Signal::Traces {
            for (items, scope) in
                [(Items::Events, AttributeScope::Event), (Items::Links, AttributeScope::Link)]
            {
                let Some(list) = ItemList::of(batch, items) else { continue };
                let Some(array) = list.column(schema::ATTRIBUTES) else { continue };
                json_keys(array, &mut |key| self.insert(scope, key))?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, scope: AttributeScope, key: &str) {
        if self.all.len() < KEYS_MAX {
            let entry = (scope, key.to_owned());
            self.all.insert(entry);
        }
    }
}

/// The keys of every JSON object in a column.
fn json_keys(array: &ArrayRef, visit: &mut dyn FnMut(&str)) -> Result<(), Error> {
    if array.as_dictionary_opt::<Int32Type>().is_some() {
        for text in distinct(array) {
            let attributes = throughline_model::attr_json::parse_attributes(text);
            let attributes = attributes.map_err(super::attribute_cells::bad_json)?;
            attributes.iter().for_each(|(key, _)| visit(key));
        }
        return Ok(());
    }
    for row in 0..array.len() {
        if array.is_valid(row) {
            attributes(array, row)?.iter().for_each(|(key, _)| visit(key));
        }
    }
    Ok(())
}

/// The distinct texts of a column that are in use.
pub(super) fn distinct(array: &ArrayRef) -> Vec<&str> {
    let mut seen: HashSet<&str, ahash::RandomState> = HashSet::default();
    match array.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            let Some(values) = dictionary.values().as_string_opt::<i32>() else { return Vec::new() };
            let mut used = vec![false; values.len()];
            for key in dictionary.keys().iter().flatten() {
                if let Some(used) = usize::try_from(key).ok().and_then(|key| used.get_mut(key)) {
                    *used = true;
                }
            }
            seen.extend(used.iter().enumerate().filter(|(_, used)| **used).map(|(at, _)| values.value(at)));
        }
        None => seen.extend(array.as_string_opt::<i32>().into_iter().flatten().flatten()),
    }
    seen.into_iter().collect()
}
