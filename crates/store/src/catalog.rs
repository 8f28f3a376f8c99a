//! The catalog: which segments exist and what the write-ahead log positions they cover.
