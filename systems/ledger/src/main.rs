//! `ledger SERVICE`: one service of the ledger reference system.
fn main() {}
