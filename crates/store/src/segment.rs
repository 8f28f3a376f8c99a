//! Segments: sorted Parquet files with a trace sidecar.
//!
//! [`write()`] turns the rows of a flush into one file, [`Segments`] opens files through a cache of their footers, a
//! [`SegmentReader`] reads row groups, pages, distinct values and single traces. Everything here is synchronous: callers run it
//! on threads that may block. `docs/format/segments.md` describes the bytes.

mod bloom;
mod chunk;
mod dictionary;
mod encode;
mod file;
pub(crate) mod footer;
mod lookup;
mod meta;
mod page_checksums;
mod page_collector;
mod pages;
pub(crate) mod properties;
mod reader;
mod segments;
mod services;
mod sidecar;
pub(crate) mod sidecar_builder;
pub(crate) mod sort;
pub(crate) mod trace_groups;
pub(crate) mod write;

pub use dictionary::{DISTINCT_MAX, Distinct};
pub use file::{FromOffset, RangeRead, SegmentFile};
pub use meta::{SCHEMA_VERSION, SegmentMeta};
pub use pages::{Bounds, Page, selection};
pub use reader::{ReadPlan, RowGroup, SegmentBatches, SegmentReader};
pub(crate) use segments::remove_file;
pub use segments::{Damage, Segments};
pub use sidecar::{TraceRoot, TraceRow, TraceService};
pub use write::{Sorted, Target, Written, write};
