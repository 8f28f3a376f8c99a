//! Compaction: merges the small segments of one hour partition into one, once.
