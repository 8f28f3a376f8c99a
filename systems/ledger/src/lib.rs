//! The ledger reference system.
