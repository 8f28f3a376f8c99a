//! The order of rows in a segment: by service and start for spans, by service and time for log records, by service, name,
//! attributes and time for metric points.
//!
//! Rows arrive nearly in time order, and every other key is a dictionary column: so the rows are sorted by time once (a sort
//! that profits from runs) and then distributed by the rank of each dictionary value, last key first; each distribution keeps
//! the order among equals. No row's text is ever compared.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{Int32Type, Int64Type};
use throughline_model::{Signal, schema};

use crate::error::Error;

/// The dictionary columns a signal is sorted by, most significant first; the last key is always the time.
pub(crate) fn key_columns(signal: Signal) -> &'static [&'static str] {
    match signal {
        Signal::Traces | Signal::Logs => &[schema::SERVICE],
        Signal::Metrics => &[schema::SERVICE, schema::NAME, schema::ATTRIBUTES],
    }
}

/// The rows of `batch` in segment order; rows with equal keys keep their order.
pub(crate) fn order(signal: Signal, batch: &RecordBatch) -> Result<Vec<u32>, Error> {
    let mut order = by_time(times(signal, batch)?);
    let mut scratch = vec![0; order.len()];
    for name in key_columns(signal).iter().rev() {
        let ranks = Ranks::of(required(batch, name)?)?;
        if ranks.distinct > 1 {
            ranks.distribute(&order, &mut scratch);
            std::mem::swap(&mut order, &mut scratch);
        }
    }
    Ok(order)
}

/// The rows of `batch` in the given order. Column by column, so that each old one is freed before the next new one is made.
pub(crate) fn reorder(batch: RecordBatch, order: Vec<u32>) -> Result<RecordBatch, Error> {
    let in_order =
        order.len() == batch.num_rows() && order.iter().enumerate().all(|(at, row)| at == *row as usize);
    if in_order {
        return Ok(batch);
    }
    let order = UInt32Array::from(order);
    let (schema, columns, _) = batch.into_parts();
    let columns = columns.into_iter().map(|column| take(&column, &order, None)).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

/// The values of the signal's time column.
pub(crate) fn times(signal: Signal, batch: &RecordBatch) -> Result<&[i64], Error> {
    let column = required(batch, signal.time_column())?;
    let times = column.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(signal.time_column()))?;
    Ok(times.values())
}

/// A column that every batch of the signal has.
pub(crate) fn required<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Error> {
    batch.column_by_name(name).ok_or_else(|| Error::invalid(format!("a batch has no column {name}")))
}

pub(crate) fn wrong_type(name: &str) -> Error {
    Error::invalid(format!("column {name} has a wrong type"))
}

fn by_time(times: &[i64]) -> Vec<u32> {
    if times.is_sorted() {
        return (0..).take(times.len()).collect();
    }
    let mut keyed: Vec<(i64, u32)> = times.iter().copied().zip(0..).collect();
    keyed.sort_by_key(|(time, _)| *time);
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// For each row the rank of its text among the column's distinct texts.
struct Ranks {
    of_row: Vec<u32>,
    distinct: usize,
}

impl Ranks {
    fn of(column: &ArrayRef) -> Result<Self, Error> {
        let column = match column.data_type() {
            arrow::datatypes::DataType::Dictionary(_, _) => column.clone(),
            _ => cast(column, &schema::dictionary_type())?,
        };
        let column = column.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong_type("of the sort key"))?;
        let texts = column.values().as_string_opt::<i32>().ok_or_else(|| wrong_type("of the sort key"))?;
        let (rank_of_code, distinct) = rank_texts(texts);
        // A null sorts like the empty text.
        let rank = |code: i32| {
            usize::try_from(code).ok().and_then(|code| rank_of_code.get(code)).copied().unwrap_or(0)
        };
        let keys = column.keys();
        let of_row = if keys.null_count() == 0 {
            keys.values().iter().map(|code| rank(*code)).collect()
        } else {
            keys.iter().map(|code| code.map_or(0, rank)).collect()
        };
        Ok(Self { of_row, distinct })
    }

    /// Writes `order` into `out`, grouped by rank, order kept within a rank.
    fn distribute(&self, order: &[u32], out: &mut [u32]) {
        let mut next = vec![0_usize; self.distinct + 1];
        for rank in &self.of_row {
            if let Some(count) = next.get_mut(*rank as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut next {
            sum += *start;
            *start = sum;
        }
        for row in order {
            let Some(rank) = self.of_row.get(*row as usize) else { continue };
            let Some(at) = next.get_mut(*rank as usize) else { continue };
            if let Some(slot) = out.get_mut(*at) {
                *slot = *row;
            }
            *at += 1;
        }
    }
}

/// The rank of each text; equal texts share one.
fn rank_texts(texts: &StringArray) -> (Vec<u32>, usize) {
    let text = |code: u32| {
        let code = code as usize;
        if texts.is_null(code) { "" } else { texts.value(code) }
    };
    let mut codes: Vec<u32> = (0..).take(texts.len()).collect();
    codes.sort_unstable_by(|a, b| text(*a).cmp(text(*b)));
    let mut ranks = vec![0; texts.len()];
    let mut distinct = 0_u32;
    let mut previous = None;
    for code in codes {
        if previous.is_some_and(|previous| text(previous) != text(code)) {
            distinct += 1;
        }
        if let Some(rank) = ranks.get_mut(code as usize) {
            *rank = distinct;
        }
        previous = Some(code);
    }
    (ranks, distinct as usize + 1)
}
