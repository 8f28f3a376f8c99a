//! Looking traces up in a sidecar: the page index of its sorted ids says which page can hold one, that page says where.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use throughline_model::TraceId;

use crate::error::Error;
use crate::segment::footer::Footer;
use crate::segment::pages::{Bounds, Page, plan_rows};
use crate::segment::reader::{ReadPlan, RowGroup, SegmentReader};
use crate::segment::sidecar::{self, TraceRow, column};

/// What the segment's sidecar says of these traces; `None` if there is none that can be read.
pub(crate) fn traces(segment: &SegmentReader, ids: &[TraceId]) -> Result<Option<Vec<TraceRow>>, Error> {
    let Some(sidecar) = segment.segments.sidecar(&segment.entry)? else { return Ok(None) };
    match find(&sidecar, ids) {
        Ok(rows) => Ok(Some(rows)),
        Err(error) => {
            segment.segments.sidecar_damaged(&segment.entry, &error.to_string())?;
            Ok(None)
        }
    }
}

fn find(sidecar: &SegmentReader, ids: &[TraceId]) -> Result<Vec<TraceRow>, Box<dyn std::error::Error>> {
    let wanted: BTreeSet<TraceId> = ids.iter().copied().collect();
    let groups = sidecar.row_groups();
    let mut rows = Vec::new();
    for group in &groups {
        let pages = sidecar.pages(group.index, column::TRACE_ID).ok_or("a sidecar has no page index")?;
        let candidates: Vec<&Page> =
            pages.iter().filter(|page| wanted.iter().any(|id| may_hold(page, *id))).collect();
        for page in candidates {
            rows.extend(rows_in_page(sidecar, group, page, &wanted)?);
        }
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::with_capacity(rows.len());
    for batch in reader(&sidecar.footer, sidecar, &plan_rows(&groups, &rows, None))? {
        found.extend(sidecar::rows(&batch?)?);
    }
    Ok(found)
}

fn may_hold(page: &Page, id: TraceId) -> bool {
    match &page.bounds {
        Some(Bounds::Bytes(min, max)) => min.as_slice() <= &id.0[..] && &id.0[..] <= max.as_slice(),
        _ => false,
    }
}

/// The rows (counted within the file) of a page that have a wanted id.
fn rows_in_page(
    sidecar: &SegmentReader,
    group: &RowGroup,
    page: &Page,
    wanted: &BTreeSet<TraceId>,
) -> Result<Vec<u32>, Box<dyn std::error::Error>> {
    let plan = ReadPlan {
        row_groups: vec![group.index],
        selection: Some(crate::segment::pages::selection([page.rows.clone()], group.rows)),
        columns: Some(vec![column::TRACE_ID.to_owned()]),
        batch_rows: Some(page.rows.len()),
    };
    let mut rows = Vec::new();
    let mut first = group.first_row + page.rows.start;
    for batch in reader(&sidecar.footer, sidecar, &plan)? {
        let batch = batch?;
        let ids = batch.column(0).as_fixed_size_binary_opt().ok_or("a sidecar's ids have another type")?;
        for id in wanted.iter().filter(|id| may_hold(page, **id)) {
            if let Some(at) = search(ids, *id) {
                rows.push(u32::try_from(first + at)?);
            }
        }
        first += ids.len();
    }
    rows.sort_unstable();
    Ok(rows)
}

fn search(ids: &arrow::array::FixedSizeBinaryArray, id: TraceId) -> Option<usize> {
    let (mut low, mut high) = (0, ids.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match ids.value(middle).cmp(&id.0[..]) {
            std::cmp::Ordering::Equal => return Some(middle),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

fn reader(
    footer: &Footer,
    sidecar: &SegmentReader,
    plan: &ReadPlan,
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let mut builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(sidecar.checked(), footer.reader.clone())
            .with_row_groups(plan.row_groups.clone());
    if let Some(selection) = &plan.selection {
        builder = builder.with_row_selection(selection.clone());
    }
    if let Some(names) = &plan.columns {
        builder = builder.with_projection(ProjectionMask::columns(
            footer.reader.parquet_schema(),
            names.iter().map(String::as_str),
        ));
    }
    builder.build()
}
