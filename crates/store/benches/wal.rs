//! What an append to the write-ahead log costs.
fn main() {}
