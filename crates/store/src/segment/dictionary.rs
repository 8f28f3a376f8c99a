//! Distinct values of a column: from the dictionary pages alone where every page of a row group is dictionary-coded (an order
//! of magnitude cheaper than decoding the rows), by decoding where it is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::error::Error;
use crate::segment::reader::{ReadPlan, SegmentReader};

/// Most distinct values collected.
pub const DISTINCT_MAX: usize = 100_000;

/// The distinct values of a column.
#[derive(Debug, Clone)]
pub struct Distinct {
    /// The values in order: Utf8, Int64, Float64 or Boolean.
    pub values: ArrayRef,
    /// False if there were more than [`DISTINCT_MAX`].
    pub complete: bool,
    /// Row groups that had to be decoded because a dictionary did not cover them.
    pub decoded: usize,
}

enum Values {
    Text(BTreeSet<Box<str>>),
    Int(BTreeSet<i64>),
    /// Doubles by their bits, flipped so that they sort as numbers.
    Double(BTreeSet<u64>),
    Bool(BTreeSet<bool>),
}

/// The distinct values (nulls aside) of a flat column in these row groups. `None` if the segment has no such column, or its
/// type has no values to list.
pub(crate) fn distinct(
    segment: &SegmentReader,
    row_groups: &[usize],
    column: &str,
) -> Result<Option<Distinct>, Error> {
    let Some(leaf) = segment.leaf(column) else { return Ok(None) };
    let Ok(field) = segment.schema().field_with_name(column) else { return Ok(None) };
    let Some(mut values) = Values::of(field.data_type()) else { return Ok(None) };
    let mut decoded = 0;
    for index in row_groups {
        if values.len() > DISTINCT_MAX {
            break;
        }
        if segment.is_empty(*index, column) == Some(true) {
            continue;
        }
        let Some(group) = segment.metadata().row_groups().get(*index) else { continue };
        let Some(chunk) = group.columns().get(leaf) else { continue };
        if is_all_dictionary(chunk) {
            let page =
                dictionary_page(segment, *index, leaf, chunk).map_err(|error| segment.damaged(&error))?;
            values.add_page(&page, chunk.column_type()).ok_or_else(|| {
                segment.damaged(&ParquetError::General("a dictionary page is cut off".to_owned()))
            })?;
        } else {
            decoded += 1;
            let plan = ReadPlan {
                row_groups: vec![*index],
                columns: Some(vec![column.to_owned()]),
                ..ReadPlan::default()
            };
            for batch in segment.read(&plan)? {
                if let Some(column) = batch?.columns().first() {
                    values.add_array(column)?;
                }
            }
        }
    }
    let complete = values.len() <= DISTINCT_MAX;
    Ok(Some(Distinct { values: values.finish(), complete, decoded }))
}

fn is_all_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let dictionary = |encoding| chunk.page_encoding_stats_mask().is_some_and(|mask| mask.is_only(encoding));
    chunk.dictionary_page_offset().is_some()
        && (dictionary(Encoding::RLE_DICTIONARY) || dictionary(Encoding::PLAIN_DICTIONARY))
}

fn dictionary_page(
    segment: &SegmentReader,
    row_group: usize,
    leaf: usize,
    chunk: &ColumnChunkMetaData,
) -> Result<Page, ParquetError> {
    let index = segment.metadata().offset_index().and_then(|index| index.get(row_group)?.get(leaf));
    let locations = index.map(|index| index.page_locations().clone());
    let rows = usize::try_from(chunk.num_values()).unwrap_or_default();
    let mut pages = SerializedPageReader::new(Arc::new(segment.checked()), chunk, rows, locations)?;
    match pages.get_next_page()? {
        Some(page @ Page::DictionaryPage { .. }) => Ok(page),
        _ => Err(ParquetError::General("a dictionary page is missing".to_owned())),
    }
}

/// The bits of a double, changed so that they sort as the number does; and back.
fn sortable(bits: u64) -> u64 {
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn unsortable(bits: u64) -> u64 {
    if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits }
}

impl Values {
    fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Utf8 => Some(Self::Text(BTreeSet::new())),
            DataType::Dictionary(_, value) if **value == DataType::Utf8 => Some(Self::Text(BTreeSet::new())),
            DataType::Int32 | DataType::Int64 | DataType::UInt32 => Some(Self::Int(BTreeSet::new())),
            DataType::Float64 => Some(Self::Double(BTreeSet::new())),
            DataType::Boolean => Some(Self::Bool(BTreeSet::new())),
            _ => None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    fn add_text(values: &mut BTreeSet<Box<str>>, text: &str) {
        if !values.contains(text) {
            values.insert(text.into());
        }
    }

    /// Adds the values of a dictionary page, which are plain-coded; `None` if it is cut off.
    fn add_page(&mut self, page: &Page, physical: Type) -> Option<()> {
        let mut rest: &[u8] = page.buffer();
        for _ in 0..page.num_values() {
            match (&mut *self, physical) {
                (Self::Text(values), Type::BYTE_ARRAY) => {
                    let (length, tail) = rest.split_first_chunk::<4>()?;
                    let (text, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                    Self::add_text(values, std::str::from_utf8(text).ok()?);
                    rest = tail;
                }
                (Self::Int(values), Type::INT32) => {
                    let (number, tail) = rest.split_first_chunk::<4>()?;
                    values.insert(i64::from(i32::from_le_bytes(*number)));
                    rest = tail;
                }
                (Self::Int(values), Type::INT64) => {
                    let (number, tail) = rest.split_first_chunk::<8>()?;
                    values.insert(i64::from_le_bytes(*number));
                    rest = tail;
                }
                (Self::Double(values), Type::DOUBLE) => {
                    let (number, tail) = rest.split_first_chunk::<8>()?;
                    values.insert(sortable(u64::from_le_bytes(*number)));
                    rest = tail;
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn add_array(&mut self, column: &ArrayRef) -> Result<(), Error> {
        match self {
            Self::Text(values) => {
                let column = cast(column, &DataType::Utf8)?;
                for text in column.as_string::<i32>().iter().flatten() {
                    Self::add_text(values, text);
                    if values.len() > DISTINCT_MAX {
                        break;
                    }
                }
            }
            Self::Int(values) => {
                values.extend(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().iter().flatten())
            }
            Self::Double(values) => values.extend(
                column
                    .as_primitive::<Float64Type>()
                    .iter()
                    .flatten()
                    .map(|number| sortable(number.to_bits())),
            ),
            Self::Bool(values) => values.extend(column.as_boolean().iter().flatten()),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(values) => {
                Arc::new(StringArray::from_iter_values(values.into_iter().take(DISTINCT_MAX)))
            }
            Self::Int(values) => {
                Arc::new(Int64Array::from_iter_values(values.into_iter().take(DISTINCT_MAX)))
            }
            Self::Double(values) => Arc::new(Float64Array::from_iter_values(
                values.into_iter().take(DISTINCT_MAX).map(|bits| f64::from_bits(unsortable(bits))),
            )),
            Self::Bool(values) => Arc::new(BooleanArray::from_iter(values.into_iter().map(Some))),
        }
    }
}
