//! The scan in no order: unit by unit, as cheaply as each allows.

use super::job::{Job, Send};
use super::predicate::Node;
use super::request::{Columns, Limit};
use super::select::select;
use super::source::project;
use super::units::{Rows, Unit, of_live};
use crate::Error;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use std::ops::Range;

/// Rows sent at once.
const BATCH_ROWS: usize = 8_192;
/// Rows read at once: opening a column costs as much as reading some thousand rows of it.
const READ_ROWS: usize = 32_768;

/// Runs the scan.
pub(super) fn run(job: &Job, send: &mut Send<'_>) -> Result<(), Error> {
    let mut left = match job.request.limit {
        Limit::Rows(rows) => rows,
        _ => usize::MAX,
    };
    for batch in &job.live {
        if left == 0 {
            return Ok(());
        }
        if let Some(unit) = of_live(batch, &job.request, &job.predicate.root) {
            scan(job, &unit, &mut left, send)?;
        }
    }
    for file in &job.files {
        if left == 0 {
            return Ok(());
        }
        let Some((segment, filter)) = job.open(file)? else { continue };
        for unit in job.meter.leave_out(job.units(&segment, &filter))?.unwrap_or_default() {
            let scanned = scan(job, &unit, &mut left, send);
            if left == 0 || job.meter.leave_out(scanned)?.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn scan(job: &Job, unit: &Unit, left: &mut usize, send: &mut Send<'_>) -> Result<(), Error> {
    match &unit.rows {
        Rows::Range(rows) if rows.len() > READ_ROWS && *left < rows.len() => {
            // A limit may be reached soon: do not decide about all rows first.
            for part in chunks(rows) {
                scan_part(job, &unit.part(part), left, send)?;
            }
            Ok(())
        }
        _ => scan_part(job, unit, left, send),
    }
}

fn scan_part(job: &Job, unit: &Unit, left: &mut usize, send: &mut Send<'_>) -> Result<(), Error> {
    if *left == 0 {
        return Ok(());
    }
    if let (Node::Const(true), true, Rows::Range(rows)) = (&unit.filter, unit.in_time, &unit.rows) {
        for part in chunks(rows) {
            let batch = unit.part(part).read(&job.request.columns, &job.meter)?;
            emit(batch, left, send)?;
        }
        return Ok(());
    }
    let matches = select(unit, &job.request, false, &job.meter)?;
    if matches.count() == 0 {
        return Ok(());
    }
    // Columns that decided and are wanted need not be read again.
    if has_all(unit, &matches.batch, &job.request.columns) {
        let passed = filter_record_batch(&matches.batch, &BooleanArray::new(matches.passed, None))?;
        return emit(project(&passed, &job.request.columns)?, left, send);
    }
    let rows: Vec<u32> = matches.rows(unit).map(|(_, row)| row).take(*left).collect();
    for rows in rows.chunks(BATCH_ROWS) {
        emit(unit.source.rows(rows, &job.request.columns, &job.meter)?, left, send)?;
    }
    Ok(())
}

fn has_all(unit: &Unit, read: &RecordBatch, wanted: &Columns) -> bool {
    match wanted {
        Columns::All => false,
        Columns::Named(names) => {
            names.iter().all(|name| read.column_by_name(name).is_some() || !unit.source.has_column(name))
        }
    }
}

fn emit(batch: RecordBatch, left: &mut usize, send: &mut Send<'_>) -> Result<(), Error> {
    let rows = batch.num_rows().min(*left);
    *left -= rows;
    for start in (0..rows).step_by(BATCH_ROWS) {
        send(batch.slice(start, BATCH_ROWS.min(rows - start)))?;
    }
    Ok(())
}

fn chunks(rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = rows.end;
    rows.clone().step_by(READ_ROWS).map(move |start| start..end.min(start + READ_ROWS))
}
