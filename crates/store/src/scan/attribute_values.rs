//! Which values a field has: from dictionary pages alone where every row counts, else from the rows
//! that pass.

use super::attribute_cells::{self, origin_value};
use super::attribute_keys::{KeyCache, distinct};
use super::cells;
use super::comparison::Test;
use super::field_values::{self, FieldValues};
use super::filter::{AttributeScope, Field};
use super::job::Job;
use super::request::Columns;
use super::source::{OpenSegment, Source};
use crate::Error;
use crate::segment::Distinct;
use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use throughline_model::{Value, schema};

/// Distinct values in their order, the smallest so many of them.
#[derive(Debug)]
pub(super) struct Values {
    limit: usize,
    values: BTreeSet<Sorted>,
}

/// A value in the order of listings: strings, numbers, booleans, then the rest as text.
#[derive(Debug)]
struct Sorted(Value);

impl Sorted {
    fn rank(&self) -> u8 {
        match self.0 {
            Value::String(_) => 0,
            Value::Int(_) => 1,
            Value::Double(_) => 2,
            Value::Bool(_) => 3,
            _ => 4,
        }
    }
}

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (a, b) => self.rank().cmp(&other.rank()).then_with(|| a.display().cmp(&b.display())),
        }
    }
}
impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Sorted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Sorted {}

impl Values {
    fn add(&mut self, value: Value) {
        let value = Sorted(value);
        let beyond = self.values.len() >= self.limit && self.values.last().is_none_or(|last| value > *last);
        if beyond || matches!(value.0, Value::Null) {
            return;
        }
        self.values.insert(value);
        if self.values.len() > self.limit {
            self.values.pop_last();
        }
    }

    fn add_array(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Utf8 => {
                for text in array.as_string::<i32>().iter().flatten() {
                    // Most are repeats or beyond: look before making a copy.
                    let beyond = self.values.len() >= self.limit
                        && self.values.last().is_some_and(
                            |last| matches!(&last.0, Value::String(last) if text > last.as_str()),
                        );
                    if !beyond {
                        self.add(Value::from(text));
                    }
                }
            }
            DataType::Int64 => {
                array.as_primitive::<Int64Type>().iter().flatten().for_each(|n| self.add(Value::Int(n)))
            }
            DataType::Float64 => {
                array.as_primitive::<Float64Type>().iter().flatten().for_each(|n| self.add(Value::Double(n)));
            }
            DataType::Boolean => array.as_boolean().iter().flatten().for_each(|b| self.add(Value::Bool(b))),
            _ => {}
        }
    }
}

/// The smallest `limit` distinct values, in order. Where the filter keeps every row, values of rows
/// in the same row group but outside of the time range may be among them.
pub(super) fn list(job: &Job, field: &Field, cache: &KeyCache, limit: usize) -> Result<Vec<Value>, Error> {
    let mut values = Values { limit, values: BTreeSet::new() };
    if limit == 0 {
        return Ok(Vec::new());
    }
    let stored_whole = job.predicate.is_all()
        && !matches!(field, Field::EndNs)
        && super::predicate::Items::of(field).is_none();
    let rows = |batch: &RecordBatch, values: &mut Values| add_rows(batch, field, values);
    if !stored_whole {
        job.run(&mut |batch| rows(&batch, &mut values))?;
        return Ok(values.values.into_iter().map(|value| value.0).collect());
    }
    for batch in &job.live {
        job.meter.spend(batch.num_rows(), 0)?;
        let passed = super::select::in_time(batch, &job.request);
        let whole = passed.count_set_bits() == batch.num_rows();
        if whole {
            rows(batch, &mut values)?;
        } else {
            let columns = super::source::project(batch, &job.request.columns)?;
            rows(&filter_record_batch(&columns, &BooleanArray::new(passed, None))?, &mut values)?;
        }
    }
    for file in &job.files {
        let Some((segment, _)) = job.open(file)? else { continue };
        job.meter.leave_out(of_segment(job, &segment, field, cache, &mut values))?;
    }
    Ok(values.values.into_iter().map(|value| value.0).collect())
}

/// Adds the values of a batch's rows, each distinct stored text once.
fn add_rows(batch: &RecordBatch, field: &Field, values: &mut Values) -> Result<(), Error> {
    match field {
        Field::Column(name) => match batch.column_by_name(name) {
            Some(array) if is_text(array) => {
                distinct(array).into_iter().for_each(|text| values.add(Value::from(text)));
                Ok(())
            }
            _ => add_cells(batch, field, values),
        },
        Field::Attribute { scope: AttributeScope::Span | AttributeScope::Any, key } => {
            add_own(batch, field, key, values)
        }
        Field::Attribute { scope: AttributeScope::Resource, .. } => {
            add_origins(field, batch.column_by_name(schema::RESOURCE), values)
        }
        Field::Attribute { scope: AttributeScope::Instrumentation, .. }
        | Field::ScopeName
        | Field::ScopeVersion => add_origins(field, batch.column_by_name(schema::SCOPE), values),
        _ => add_cells(batch, field, values),
    }
}

fn is_text(array: &ArrayRef) -> bool {
    matches!(array.data_type(), DataType::Utf8 | DataType::Dictionary(..))
}

fn add_cells(batch: &RecordBatch, field: &Field, values: &mut Values) -> Result<(), Error> {
    let mut reader = FieldValues::new(batch, field);
    for row in 0..batch.num_rows() {
        reader.values(row)?.into_iter().for_each(|value| values.add(value));
    }
    Ok(())
}

/// A row's own attribute: its column, then the JSON of the rest, then (in any scope) the resource.
fn add_own(batch: &RecordBatch, field: &Field, key: &str, values: &mut Values) -> Result<(), Error> {
    let mut open = BooleanBuffer::new_set(batch.num_rows());
    if let Some(array) = batch.column_by_name(&schema::attribute_column(key)) {
        if is_text(array) {
            distinct(array).into_iter().for_each(|text| values.add(Value::from(text)));
        } else {
            values.add_array(array);
        }
        open = &open & &!&cells::present(array, &open);
    }
    if let Some(rest) = batch.column_by_name(schema::ATTRIBUTES) {
        let present = attribute_cells::in_json(rest, key, &Test::Exists, &open)?.present;
        for row in present.set_indices() {
            let found =
                field_values::text(rest, row).map(|text| attribute_cells::find(text, key)).transpose()?;
            found.flatten().into_iter().for_each(|value| values.add(value));
        }
        open = &open & &!&present;
    }
    if matches!(field, Field::Attribute { scope: AttributeScope::Any, .. })
        && let Some(resource) = batch.column_by_name(schema::RESOURCE)
    {
        let open = filter(resource, &BooleanArray::new(open, None))?;
        add_origins(field, Some(&open), values)?;
    }
    Ok(())
}

fn add_origins(field: &Field, array: Option<&ArrayRef>, values: &mut Values) -> Result<(), Error> {
    array.map_or(Ok(()), |array| add_origin_texts(field, distinct(array), values))
}

fn add_origin_texts<'a>(
    field: &Field,
    texts: impl IntoIterator<Item = &'a str>,
    values: &mut Values,
) -> Result<(), Error> {
    let key = match field {
        Field::Attribute { key, .. } => key.as_str(),
        _ => "",
    };
    for text in texts {
        origin_value(field, key, text)?.into_iter().for_each(|value| values.add(value));
    }
    Ok(())
}

fn of_segment(
    job: &Job,
    segment: &Arc<OpenSegment>,
    field: &Field,
    cache: &KeyCache,
    values: &mut Values,
) -> Result<(), Error> {
    let groups: Vec<usize> = segment
        .groups
        .iter()
        .filter(|group| job.request.time.overlaps(group.times.0, group.times.1))
        .map(|group| group.index)
        .collect();
    let distinct = |column: &str| {
        let columns = Columns::named(&[column]);
        let bytes = groups.iter().map(|group| segment.bytes(*group, &columns, 0)).sum();
        job.meter.spend(0, bytes)?;
        segment.reader.distinct(&groups, column)
    };
    match field {
        Field::Column(name) => match distinct(name)? {
            Some(found) => values.add_array(&found.values),
            None => every_row(job, segment, field, &groups, values)?,
        },
        Field::Attribute { scope: scope @ (AttributeScope::Any | AttributeScope::Span), key } => {
            if let Some(found) = distinct(&schema::attribute_column(key))? {
                values.add_array(&found.values);
            }
            if cache.of(segment, &job.meter)?.rest.contains(key) {
                let rest = Field::attribute(AttributeScope::Span, key);
                every_row(job, segment, &rest, &groups, values)?;
            }
            if *scope == AttributeScope::Any {
                let resource = Field::attribute(AttributeScope::Resource, key);
                origins(&resource, distinct(schema::RESOURCE)?, values)?;
            }
        }
        Field::Attribute { scope: AttributeScope::Resource, .. } => {
            origins(field, distinct(schema::RESOURCE)?, values)?
        }
        _ => origins(field, distinct(schema::SCOPE)?, values)?,
    }
    Ok(())
}

fn origins(field: &Field, found: Option<Distinct>, values: &mut Values) -> Result<(), Error> {
    let texts = found.iter().filter_map(|found| found.values.as_string_opt::<i32>());
    add_origin_texts(field, texts.flatten().flatten(), values)
}

fn every_row(
    job: &Job,
    segment: &Arc<OpenSegment>,
    field: &Field,
    groups: &[usize],
    values: &mut Values,
) -> Result<(), Error> {
    let source = Source::Segment(segment.clone());
    let mut columns = Columns::none();
    columns.add(field);
    for group in groups {
        let group = segment.group(*group)?;
        let batch = source.range(
            group.index,
            &(group.first_row..group.first_row + group.rows),
            &columns,
            &job.meter,
        )?;
        add_rows(&batch, field, values)?;
    }
    Ok(())
}
