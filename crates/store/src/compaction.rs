//! Compaction: merges the small segments of one hour partition into one, once.
//!
//! It is meant to be rare. A flush that fills half a row group is as good to read as a compacted segment and is left alone; what
//! trickles in is merged when there is enough of it, or when its hour is over; what was compacted is never touched again. So a
//! busy store hardly compacts at all, and a quiet one compacts little.
//!
//! A compaction reads its inputs once, in bounded memory, writes a file nobody sees, and swaps it for its inputs in one
//! transaction. A crash before that leaves a file the next start removes; flushes go on all the while.

mod layout;
mod merge;
mod plan;
mod source;

pub use plan::{Job, plan};

use std::sync::Arc;

use crate::catalog::{Change, Commit, FileId};
use crate::error::{Error, ErrorKind};
use crate::segment::{Segments, remove_file};

/// What became of a [`Job`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The inputs are replaced.
    Done {
        /// The new segment.
        id: FileId,
        /// Its rows.
        rows: u64,
        /// Spans that occurred in several inputs.
        duplicates: u64,
    },
    /// An input went away or proved to be damaged meanwhile; nothing was changed, and the next plan will leave it out.
    Skipped,
}

/// Merges the inputs of a job and swaps the result for them. Runs for seconds: not for a thread that must not block.
///
/// # Errors
/// The disk is full or fails; nothing was changed then.
pub fn run(segments: &Arc<Segments>, job: &Job, now_ns: i64) -> Result<Outcome, Error> {
    let written = match merge::merge(segments, job) {
        Ok(written) => written,
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => {
            return Ok(Outcome::Skipped);
        }
        Err(error) => return Err(error),
    };
    let remove = job.inputs.iter().map(|input| input.id).collect();
    let change = Change { add: vec![written.entry.clone()], remove, wal_covered: None, now_ns };
    match segments.catalog().commit(&change)? {
        Commit::Done => {
            for input in &job.inputs {
                segments.forget_footer(input.id);
            }
            Ok(Outcome::Done {
                id: written.entry.id,
                rows: written.entry.rows,
                duplicates: written.duplicates,
            })
        }
        Commit::Lost => {
            for path in [Some(written.entry.path.clone()), written.entry.sidecar_path()].into_iter().flatten()
            {
                remove_file(&segments.data_dir().join(path))?;
            }
            Ok(Outcome::Skipped)
        }
    }
}
