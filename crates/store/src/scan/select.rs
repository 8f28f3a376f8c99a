//! The first pass over a unit: reads the columns that decide, and says which rows pass.

use super::evaluate;
use super::meter::Meter;
use super::predicate::Node;
use super::request::{Columns, ScanRequest};
use super::units::Unit;
use crate::Error;
use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Int64Type;

/// The rows of a unit that pass.
#[derive(Debug)]
pub(super) struct Matches {
    /// The columns read to decide, of all rows of the unit.
    pub(super) batch: RecordBatch,
    /// Which of these rows pass.
    pub(super) passed: BooleanBuffer,
}

/// Decides about a unit's rows. `time` asks for the time column even where it decides nothing.
pub(super) fn select(
    unit: &Unit,
    request: &ScanRequest,
    time: bool,
    meter: &Meter,
) -> Result<Matches, Error> {
    let time_column = request.table.time_column();
    let mut columns = Columns::none();
    if time || !unit.in_time {
        columns.add_column(time_column);
    }
    unit.filter.for_each_column(&mut |name| columns.add_column(name));
    let batch = unit.read(&columns, meter)?;
    let open = if unit.in_time { BooleanBuffer::new_set(unit.len()) } else { in_time(&batch, request) };
    let passed = match &unit.filter {
        Node::Const(true) => open,
        filter => evaluate::rows(filter, &batch, &open)?,
    };
    Ok(Matches { batch, passed })
}

/// Which rows are in the request's time range.
pub(super) fn in_time(batch: &RecordBatch, request: &ScanRequest) -> BooleanBuffer {
    let times = batch.column_by_name(request.table.time_column());
    match times.and_then(|array| array.as_primitive_opt::<Int64Type>()) {
        Some(times) => {
            let times = times.values();
            BooleanBuffer::collect_bool(times.len(), |row| request.time.contains(times[row]))
        }
        None => BooleanBuffer::new_set(batch.num_rows()),
    }
}

impl Matches {
    /// How many rows pass.
    pub(super) fn count(&self) -> usize {
        self.passed.count_set_bits()
    }

    /// The numbers in the source of the rows that pass, with their positions in the unit.
    pub(super) fn rows<'a>(&'a self, unit: &'a Unit) -> impl Iterator<Item = (usize, u32)> + 'a {
        self.passed.set_indices().map(|at| (at, unit.row(at)))
    }
}
