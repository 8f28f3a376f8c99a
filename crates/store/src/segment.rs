//! Segments: sorted Parquet files with a trace sidecar.
