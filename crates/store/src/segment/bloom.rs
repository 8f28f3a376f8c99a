//! Which row groups may hold a trace, by the bloom filters: the fallback where there is no sidecar.

use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use throughline_model::{TraceId, schema};

use crate::error::Error;
use crate::segment::footer::read_tail;
use crate::segment::reader::SegmentReader;

pub(crate) fn row_groups(segment: &SegmentReader, trace_id: TraceId) -> Result<Vec<usize>, Error> {
    let Some(leaf) = segment.leaf(schema::TRACE_ID) else { return Ok(Vec::new()) };
    let entry = &segment.entry;
    // A filter that lost a bit would deny a trace that is there: they are read with their checksum each time.
    let tail = read_tail(&segment.file, entry.tail_offset, entry.tail_crc)
        .map_err(|reason| segment.damaged(&ParquetError::General(reason)))?;
    let mut found = Vec::new();
    for (index, group) in segment.metadata().row_groups().iter().enumerate() {
        let Some(column) = group.columns().get(leaf) else { continue };
        let filter = Sbbf::read_from_column_chunk(column, &tail).map_err(|error| segment.damaged(&error))?;
        if filter.is_none_or(|filter| filter.check(&trace_id.0[..])) {
            found.push(index);
        }
    }
    Ok(found)
}
