//! Live data: rows accepted and synced, not yet in a segment.
